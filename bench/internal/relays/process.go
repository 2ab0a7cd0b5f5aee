package relays

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is a mock upstream, and the folder for the programs and configurations of a run.
type bench struct {
	dir  string
	mock *process
}

// start starts a relay and sends a few streams through it, which warm it up.
func (b *bench) start(ctx context.Context, r Relay) (*process, error) {
	if r.Command == nil {
		return &process{port: b.mock.port}, nil
	}
	p, err := b.launch(ctx, func(port int) (*exec.Cmd, error) { return r.Command(ctx, b.dir, port, b.mock.port) })
	if err != nil {
		return nil, err
	}
	if _, err := b.run(ctx, p, r, Load{Streams: 4, Chunks: 20}); err != nil {
		return nil, errors.Join(fmt.Errorf("warm up: %w", err), p.stop())
	}
	return p, nil
}

// launch starts a program on a free port and waits until it listens.
func (b *bench) launch(ctx context.Context, command func(port int) (*exec.Cmd, error)) (*process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cmd, err := command(port)
	if err != nil {
		return nil, err
	}
	output, err := os.CreateTemp(b.dir, "output-")
	if err != nil {
		return nil, fmt.Errorf("keep a program's output: %w", err)
	}
	defer output.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, output, output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &process{port: port, cmd: cmd, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // the state has the result
	}()
	if err := p.listens(ctx); err != nil {
		text, _ := os.ReadFile(output.Name()) // for the error message
		return nil, errors.Join(fmt.Errorf("%s does not listen: %w\n%s", filepath.Base(cmd.Path), err, text), p.stop())
	}
	return p, nil
}

func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// process is a program that listens on a port of 127.0.0.1.
type process struct {
	port   int
	cmd    *exec.Cmd     // nil for no relay: the port is the upstream's
	exited chan struct{} // closed when it has
}

// pid is 0 for no relay.
func (p *process) pid() int {
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// listens waits until it can connect.
func (p *process) listens(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-retry.C:
		case <-p.exited:
			return fmt.Errorf("it exited: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stop stops the process with SIGTERM, and kills it if that does not work. Its exit status does not
// matter.
func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have exited
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", filepath.Base(p.cmd.Path), err)
	}
	<-p.exited
	return nil
}

// WriteConfig writes a configuration file in which PORT and UPSTREAM become these ports, and
// returns its path.
func WriteConfig(dir, name, config string, port, upstream int) (string, error) {
	path := filepath.Join(dir, name)
	config = strings.NewReplacer("PORT", strconv.Itoa(port), "UPSTREAM", strconv.Itoa(upstream)).Replace(config)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return path, nil
}

// Penstock returns a Command for a binary of Penstock, with a configuration as WriteConfig's.
func Penstock(binary, config string) (func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error), error) {
	path, err := filepath.Abs(binary)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("find a build of Penstock: %w (make build)", err)
	}
	return func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
		file, err := WriteConfig(dir, "penstock.yaml", config, port, upstream)
		if err != nil {
			return nil, err
		}
		return exec.CommandContext(ctx, path, "serve", "--config", file), nil
	}, nil
}
