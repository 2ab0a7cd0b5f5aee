package main

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

// The relays, in the table's order.
const (
	direct   = "no relay"
	bare     = "bare net/http"
	nginx    = "nginx"
	penstock = "Penstock"
)

// relay is a program that can stand between clients and the upstream.
type relay struct {
	name string
	// command returns the command that listens on a port of 127.0.0.1, with its files in dir; nil:
	// no relay at all.
	command func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error)
}

// bench is a mock upstream and the installed relays.
type bench struct {
	dir    string // for the programs and configurations of this run
	mock   *process
	relays []relay
}

func newBench(ctx context.Context, dir string, s settings) (*bench, error) {
	b := &bench{dir: dir}
	if s.others {
		b.relays = []relay{{name: direct}, {bare, bareCommand}}
		if _, err := exec.LookPath("nginx"); err == nil {
			b.relays = append(b.relays, relay{nginx, nginxCommand})
		} else {
			fmt.Fprintln(os.Stderr, "nginx is left out: it is not installed (Debian: apt-get install nginx)")
		}
	}
	for _, build := range s.builds {
		path, err := filepath.Abs(build.path)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, fmt.Errorf("find a build of Penstock: %w (make build)", err)
		}
		b.relays = append(b.relays, relay{build.name, func(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
			return penstockCommand(ctx, path, dir, port, upstream)
		}})
	}
	var err error
	b.mock, err = b.launch(ctx, func(port int) (*exec.Cmd, error) {
		return exec.CommandContext(ctx, filepath.Join(dir, "sseload"), "mock", "-port", strconv.Itoa(port)), nil
	})
	return b, err
}

func (b *bench) close() {
	if err := b.mock.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the mock upstream:", err)
	}
}

// start starts a relay and sends a few streams through it, which warm it up.
func (b *bench) start(ctx context.Context, r relay) (*process, error) {
	if r.command == nil {
		return &process{port: b.mock.port}, nil
	}
	p, err := b.launch(ctx, func(port int) (*exec.Cmd, error) { return r.command(ctx, b.dir, port, b.mock.port) })
	if err != nil {
		return nil, err
	}
	if _, err := b.run(ctx, p, load{streams: 4, chunks: 20}); err != nil {
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

func bareCommand(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, filepath.Join(dir, "barerelay"), "-port", strconv.Itoa(port), "-upstream", "http://127.0.0.1:"+strconv.Itoa(upstream)), nil
}

// writeConfig writes a configuration with its ports filled in.
func writeConfig(dir, name, config string, port, upstream int) (string, error) {
	path := filepath.Join(dir, name)
	config = strings.NewReplacer("PORT", strconv.Itoa(port), "UPSTREAM", strconv.Itoa(upstream)).Replace(config)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return path, nil
}

const nginxConfig = `
daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	upstream mock { server 127.0.0.1:UPSTREAM; keepalive 64; }
	server {
		listen 127.0.0.1:PORT backlog=4096;
		location / {
			proxy_pass http://mock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
		}
	}
}
`

func nginxCommand(ctx context.Context, dir string, port, upstream int) (*exec.Cmd, error) {
	path, err := writeConfig(dir, "nginx.conf", nginxConfig, port, upstream)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, "nginx", "-p", dir, "-c", path, "-e", "stderr"), nil
}

const penstockConfig = `
server:
  address: 127.0.0.1:PORT
models:
  - name: mock
    kind: openai
    concurrency: 4096
    upstreams:
      - {base_url: "http://127.0.0.1:UPSTREAM/v1", api_key: "sk-bench"}
`

func penstockCommand(ctx context.Context, binary, dir string, port, upstream int) (*exec.Cmd, error) {
	path, err := writeConfig(dir, "penstock.yaml", penstockConfig, port, upstream)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, binary, "serve", "--config", path), nil
}
