package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"penstock/engine"
	"penstock/internal/teller"
)

// usage is what a process uses at one moment.
type usage struct {
	Resident int64         `json:"resident"` // bytes
	Heap     int64         `json:"heap"`     // bytes alive
	Stack    int64         `json:"stack"`    // bytes of goroutines' stacks
	CPU      time.Duration `json:"cpu"`      // so far
}

// The questions that a server answers with its usage. It collects its garbage only for the first: that costs CPU.
const (
	askMemory = "memory"
	askCPU    = "cpu"
)

// serve serves the models until standard input ends. It writes its address, and answers questions.
func serve(ctx context.Context) error {
	h, err := teller.Start(ctx, teller.Options{Limit: 20000, Permits: 20000, Window: 10 * time.Minute, Grace: time.Millisecond, Add: addClock})
	if err != nil {
		return err
	}
	fmt.Println(h.URL)
	answer := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		u, err := used(lines.Text() == askMemory)
		if err != nil {
			return errors.Join(err, h.Close())
		}
		if err := answer.Encode(u); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	return h.Close()
}

func used(memory bool) (u usage, err error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("read the CPU time: %w", err)
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	if !memory {
		return u, nil
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Heap, u.Stack = int64(m.HeapAlloc), int64(m.StackInuse)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return u, fmt.Errorf("read the resident memory: %w", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	u.Resident = pages * int64(os.Getpagesize())
	return u, err
}

// addClock adds a model that writes the time, in nanoseconds, as often as asked for, in pauses of 100 ms.
func addClock(e *engine.Engine) {
	engine.Generates(e.Add("clock", engine.Lifecycle{}), "stream", engine.Generator[int, int, int64]{
		Preprocess: func(_ context.Context, n int) (int, error) { return n, nil },
		Generate: func(ctx context.Context, n int, emit func(...int64) error) (engine.End, error) {
			for range n {
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
					return engine.End{}, context.Cause(ctx)
				}
				if err := emit(time.Now().UnixNano()); err != nil {
					return engine.End{}, err
				}
			}
			return engine.Stopped(engine.Usage{}), nil
		},
	})
}

// server is a "streams serve" that runs.
type server struct {
	address string // HOST:PORT

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

func start(ctx context.Context) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	s := &server{cmd: exec.CommandContext(ctx, self, "serve")}
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.stdout = bufio.NewReader(stdout)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the server's address: %w", err), s.stop())
	}
	s.address = strings.TrimPrefix(strings.TrimSpace(line), "http://")
	return s, nil
}

// uses asks the server what it uses.
func (s *server) uses(question string) (u usage, err error) {
	if _, err := io.WriteString(s.stdin, question+"\n"); err != nil {
		return u, fmt.Errorf("ask the server what it uses: %w", err)
	}
	line, err := s.stdout.ReadBytes('\n')
	if err != nil {
		return u, fmt.Errorf("ask the server what it uses: %w", err)
	}
	return u, json.Unmarshal(line, &u)
}

// stop ends the server.
func (s *server) stop() error {
	s.stdin.Close()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server ended: %w", err)
	}
	return nil
}
