package server

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say how the command is run.
type Options struct {
	Binary string   // the command; "": this package builds it
	Config string   // the text of its configuration file, with ROOT for the project's folder; "": none
	Dir    string   // where it runs; "": the project's folder
	Env    []string // added to the test's own environment
	Stderr *os.File // where its standard error goes; nil: to the Process
	Limit  int      // of open files; 0: the test's own
}

// Process is a penstock that runs.
type Process struct {
	URL string // http://IP:PORT

	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{}
	waited         bool
}

// What the command prints once it listens (on stdout), and once its models are loaded (on stderr).
var (
	listening = regexp.MustCompile(`(http://[\d.]+:\d+)\D`)
	loaded    = regexp.MustCompile(`(all models are loaded) or have failed`)
)

// Start runs "penstock serve" and returns once its models are loaded or have failed. When the test
// ends, unless it has called Wait, the process gets SIGTERM and must exit with status 0. Of a test
// that failed, the log holds what the process wrote to stderr.
func Start(t testing.TB, o Options) *Process {
	t.Helper()
	binary := o.Binary
	if binary == "" {
		binary = Binary(t)
	}
	args := []string{"serve", "--address", "127.0.0.1:0"}
	if o.Config != "" {
		args = append(args, "--config", ConfigFile(t, o.Config))
	}
	p := &Process{t: t, cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	p.stdout.expect(listening)
	p.stderr.expect(loaded)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = cmp.Or(o.Dir, Root(t)), &p.stdout, &p.stderr
	if o.Stderr != nil {
		p.cmd.Stderr = o.Stderr
	}
	if o.Limit > 0 {
		p.cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, o.Limit), "sh"}, p.cmd.Args...)
		p.cmd.Path = "/bin/sh"
	}
	// With the race detector, a process would otherwise wait a second before it exits.
	p.cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), o.Env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if o.Stderr != nil {
		o.Stderr.Close() // the process has it
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // Wait returns the state
	}()
	t.Cleanup(p.finish)
	p.URL = p.await(&p.stdout, "print its address")
	if o.Stderr == nil {
		p.await(&p.stderr, "load its models")
	}
	return p
}

// await waits for the text that an output expects, and returns it.
func (p *Process) await(o *output, what string) string {
	p.t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case text := <-o.found:
		return text
	case <-p.exited:
		p.t.Fatalf("penstock exited (%v) and did not %s", p.cmd.ProcessState, what)
	case <-timer.C:
		p.t.Fatalf("penstock did not %s", what)
	}
	return ""
}

// ConfigFile writes a configuration file; ROOT in its text stands for the project's folder.
func ConfigFile(t testing.TB, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "penstock.yaml")
	text = strings.ReplaceAll(text, "ROOT", Root(t))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Client returns a client of the process for its test.
func (p *Process) Client() *Client { return NewClient(p.t, p.URL) }

// finish stops the process unless the test has waited for its end.
func (p *Process) finish() {
	if !p.waited {
		p.Signal(syscall.SIGTERM)
		if state := p.Wait(); !state.Success() {
			p.t.Errorf("penstock exited with %v", state)
		}
	}
	if p.t.Failed() {
		p.t.Logf("penstock's stderr:\n%s", p.Stderr())
	}
}

// Signal sends the process a signal.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// Wait waits until the process has exited.
func (p *Process) Wait() *os.ProcessState {
	p.t.Helper()
	p.waited = true
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.t.Error("penstock did not exit, and is killed")
		_ = p.cmd.Process.Kill() // it may just have exited
		<-p.exited
	}
	return p.cmd.ProcessState
}

// Stderr returns what the process has written to its standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// output keeps what a process writes, and reports a text that it expects. It is written by
// os/exec's goroutine and read by the test's.
type output struct {
	pattern *regexp.Regexp
	found   chan string // gets the pattern's first group, once

	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) expect(pattern *regexp.Regexp) {
	o.pattern, o.found = pattern, make(chan string, 1)
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if o.pattern != nil {
		if match := o.pattern.FindSubmatch(o.text.Bytes()); match != nil {
			o.pattern = nil
			o.found <- string(match[1])
		}
	}
	return len(p), nil
}

// String returns what has been written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
