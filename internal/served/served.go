// Package served runs a built penstock for a test, as a user would: real models, a port the kernel
// chooses, SIGTERM at the end.
//
//	address := served.Start(t, "../penstock", "..") // the built-in configuration, all models ready
//
//	p := served.Run(t, served.Command{Binary: binary, Dir: root, Args: []string{"--config", file}})
//	p.WaitReady(t)
//
// It is for tests only, and never builds: callers know which binary they mean.
package served

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience ends a test that hangs; no test passes or fails by it otherwise.
const patience = 2 * time.Minute

// Command is a call of `penstock serve`.
type Command struct {
	Binary string
	Dir    string   // where it runs; the project's root is where it finds ONNX Runtime
	Args   []string // after "serve --address 127.0.0.1:0"
	Env    []string // beside the test's own
}

// Process is a penstock that runs. Its methods are for the test's goroutine, and URL for all.
type Process struct {
	URL string // http://IP:PORT

	cmd    *exec.Cmd
	stderr lockedBuffer
	ended  bool
}

// Start runs the binary in the project's root with its built-in configuration, and returns the
// address it prints once every model is loaded.
func Start(t testing.TB, binary, root string) string {
	t.Helper()
	p := Run(t, Command{Binary: binary, Dir: root})
	p.WaitReady(t)
	return p.URL
}

// Run starts the binary and returns when it has printed its address. When the test ends, and the
// process has not been waited for, it gets SIGTERM and must end well.
func Run(t testing.TB, c Command) *Process {
	t.Helper()
	path, err := filepath.Abs(c.Binary)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(path, append([]string{"serve", "--address", "127.0.0.1:0"}, c.Args...)...)}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = c.Dir, append(os.Environ(), c.Env...), &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%v: run make build", err)
	}
	t.Cleanup(func() { p.finish(t) })
	pattern := regexp.MustCompile(`http://[\d.]+:\d+`)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if p.URL = pattern.FindString(lines.Text()); p.URL != "" {
			return p
		}
	}
	t.Fatal("penstock printed no address")
	return nil
}

// finish ends the process, unless the test has done so, and tells what it said if the test failed.
func (p *Process) finish(t testing.TB) {
	if !p.ended {
		p.Signal(t, syscall.SIGTERM)
		if state := p.Wait(t); !state.Success() {
			t.Errorf("penstock ended with %v", state)
		}
	}
	if t.Failed() {
		t.Logf("penstock said:\n%s", p.Log())
	}
}

// Signal sends the process a signal.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Error(err)
	}
}

// Wait waits for the process to end and says how it did.
func (p *Process) Wait(t testing.TB) *os.ProcessState {
	t.Helper()
	p.ended = true
	_ = p.cmd.Wait() // the state says it all
	return p.cmd.ProcessState
}

// Log is what the process has written to its standard error.
func (p *Process) Log() string { return p.stderr.String() }

// WaitReady returns when /readyz says so. It asks again and again: of another process there is
// nothing else to wait for.
func (p *Process) WaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("penstock did not get ready")
		case <-again.C:
		}
	}
}

// lockedBuffer is written by os/exec's goroutine and read by the test's.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
