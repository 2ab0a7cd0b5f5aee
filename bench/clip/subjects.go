package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// photo is what all clients send.
const photo = "clip/testdata/photos/cat_chelsea.jpg"

// subject is a program to measure.
type subject struct {
	name    string
	measure func(context.Context, settings) (sample, error)
	vectors [][]float64 // of the photos, where variants are compared
}

// process is a server that runs.
type process struct {
	address string
	pid     int
}

// start builds and starts the subjects. stop, which is never nil, stops them.
func start(ctx context.Context, s settings) (subjects []subject, stop func() error, err error) {
	var cleanup []func() error
	stop = func() error {
		var errs []error
		for i := len(cleanup) - 1; i >= 0; i-- {
			errs = append(errs, cleanup[i]())
		}
		return errors.Join(errs...)
	}
	dir, err := os.MkdirTemp("", "clip-")
	if err != nil {
		return nil, stop, fmt.Errorf("make a folder: %w", err)
	}
	cleanup = append(cleanup, func() error { return os.RemoveAll(dir) })
	model, err := filepath.Abs(s.model)
	if err != nil {
		return nil, stop, err
	}

	bare := filepath.Join(dir, "bare")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", bare, "./clip").CombinedOutput(); err != nil {
		return nil, stop, fmt.Errorf("build the bare loop: %w\n%s", err, out)
	}
	subjects = append(subjects, subject{name: "bare loop", measure: func(ctx context.Context, s settings) (sample, error) { return runBare(ctx, bare, model, s.duration) }})

	variants := s.variants
	if len(variants) == 0 {
		variants = []variant{{name: "Penstock"}}
	}
	for i, v := range variants {
		config := filepath.Join(dir, fmt.Sprintf("penstock%d.yaml", i))
		if err := os.WriteFile(config, v.configuration(model), 0o644); err != nil {
			return nil, stop, err
		}
		server, end, err := startPenstock(ctx, s.penstock, config)
		cleanup = append(cleanup, end)
		if err != nil {
			return nil, stop, err
		}
		sub := subject{name: v.name, measure: loadOf(server, "/v1/models/clip:predict")}
		if len(s.variants) > 0 {
			if sub.vectors, err = vectorsOf(ctx, server); err != nil {
				return nil, stop, err
			}
		}
		subjects = append(subjects, sub)
	}

	if _, err := os.Stat(s.python); err != nil {
		fmt.Fprintf(os.Stderr, "Python is left out: %v (run make .penstock/bench-clip/.installed)\n", err)
		return subjects, stop, nil
	}
	server, end, err := startPython(ctx, s.python, model)
	cleanup = append(cleanup, end)
	if err != nil {
		return nil, stop, err
	}
	return append(subjects, subject{name: "Python", measure: loadOf(server, "/predict")}), stop, nil
}

// runBare runs the bare loops and reads their figures.
func runBare(ctx context.Context, binary, model string, duration time.Duration) (sample, error) {
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "^BenchmarkBare$", "-test.benchtime", duration.String())
	cmd.Dir = "clip"
	cmd.Env = append(os.Environ(), "MODEL="+model)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, out)
	}
	rate, err1 := figure(out, "requests/s")
	cpu, err2 := figure(out, "cpu-ns/op")
	return sample{Rate: rate, CPU: time.Duration(cpu)}, errors.Join(err1, err2)
}

// figure reads a number from a benchmark's output.
func figure(out []byte, unit string) (float64, error) {
	found := regexp.MustCompile(`([\d.]+) ` + regexp.QuoteMeta(unit)).FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("no %s in %s", unit, out)
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

// startPenstock returns the address that Penstock prints, once it is ready.
func startPenstock(ctx context.Context, binary, config string) (p process, end func() error, err error) {
	cmd := exec.CommandContext(ctx, binary, "serve", "--address", "127.0.0.1:0", "--config", config)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p, nothing, err
	}
	if err := cmd.Start(); err != nil {
		return p, nothing, fmt.Errorf("start Penstock: %w (make build)", err)
	}
	end = func() error { return terminate(cmd) }
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := regexp.MustCompile(`http://([\d.]+:\d+)`).FindStringSubmatch(lines.Text()); found != nil {
			p = process{found[1], cmd.Process.Pid}
			return p, end, ready(ctx, p.address)
		}
	}
	return p, end, errors.New("Penstock printed no address") //nolint:staticcheck // a name
}

// startPython returns the address of a server of server.py, with a process for each core.
func startPython(ctx context.Context, python, model string) (p process, end func() error, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return p, nothing, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return p, nothing, err
	}
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(ctx, python, "-m", "uvicorn", "--app-dir", "bench/clip", "--no-access-log", "--log-level", "warning",
		"--workers", strconv.Itoa(runtime.GOMAXPROCS(0)), "--port", port, "server:app")
	cmd.Env = append(os.Environ(), "MODEL="+model)
	if err := cmd.Start(); err != nil {
		return p, nothing, err
	}
	end = func() error { return terminate(cmd) }
	return process{address, cmd.Process.Pid}, end, ready(ctx, address)
}

func nothing() error { return nil }

// terminate stops a process with SIGTERM. Its exit status does not matter.
func terminate(cmd *exec.Cmd) error {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = cmd.Wait()
	return nil
}

// ready polls /readyz until it returns status 200.
func ready(ctx context.Context, address string) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", address, context.Cause(ctx))
		case <-again.C:
		}
	}
}
