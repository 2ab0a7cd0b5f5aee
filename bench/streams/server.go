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

	"penstock/test/testmodel"
)

// usage is what a process uses at one moment.
type usage struct {
	Resident int64         `json:"resident"` // bytes
	Heap     int64         `json:"heap"`     // bytes alive
	Stack    int64         `json:"stack"`    // bytes of goroutines' stacks
	CPU      time.Duration `json:"cpu"`      // so far
}

// The requests to which a server responds with its usage. It collects its garbage only for the
// first one, since that takes CPU.
const (
	memoryUsage = "memory"
	cpuUsage    = "cpu"
)

// serve serves the models until standard input ends. It prints its URL, and responds to requests
// for its usage.
func serve(ctx context.Context) error {
	s, err := testmodel.Start(ctx, testmodel.Options{
		Limit: 20000, Permits: 20000, Window: 10 * time.Minute, Grace: time.Millisecond, Add: testmodel.AddClock,
	})
	if err != nil {
		return err
	}
	fmt.Println(s.URL)
	responses := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		u, err := ownUsage(lines.Text() == memoryUsage)
		if err != nil {
			return errors.Join(err, s.Close())
		}
		if err := responses.Encode(u); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return s.Close()
}

// ownUsage returns what this process uses; with memory, it collects its garbage first.
func ownUsage(memory bool) (u usage, err error) {
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

// usage requests the server's usage.
func (s *server) usage(request string) (u usage, err error) {
	if _, err := io.WriteString(s.stdin, request+"\n"); err != nil {
		return u, fmt.Errorf("request the server's usage: %w", err)
	}
	line, err := s.stdout.ReadBytes('\n')
	if err != nil {
		return u, fmt.Errorf("request the server's usage: %w", err)
	}
	return u, json.Unmarshal(line, &u)
}

// stop ends the server.
func (s *server) stop() error {
	s.stdin.Close()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server exited: %w", err)
	}
	return nil
}
