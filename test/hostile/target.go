package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"penstock/auth"
)

// target is the penstock that is attacked: a process of its own.
type target struct {
	url, address   string
	keys           keys
	languageModels []string
	cmd            *exec.Cmd
}

type keys struct {
	good    string
	hostile []string
}

// hostileKeys is how many keys the hostile clients have. One has no limits.
const hostileKeys = 8

var listening = regexp.MustCompile(`http://[\d.]+:\d+`)

// startTarget returns once the models are loaded.
func startTarget(ctx context.Context, o options, upstream string) (*target, error) {
	s := &target{keys: keys{good: auth.NewKey()}, languageModels: []string{"gpt"}}
	text, err := s.configuration(o, upstream)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(o.folder, "penstock.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	stderr, err := os.Create(filepath.Join(o.folder, "stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	s.cmd = exec.CommandContext(ctx, o.binary, "serve", "--address", "127.0.0.1:0", "--config", config)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Env = o.root, stderr, append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if s.url = listening.FindString(line); s.url == "" {
		_ = s.cmd.Wait() // it has ended, or closed its output: what it says is in the log
		written, _ := os.ReadFile(stderr.Name())
		return nil, fmt.Errorf("penstock does not listen: %w\n%s", errors.Join(err, errors.New(line)), written)
	}
	s.address = strings.TrimPrefix(s.url, "http://")
	if err := s.await(ctx, "the models", func() (bool, error) { return s.ready(ctx) }); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// configuration returns the text of the configuration file.
func (s *target) configuration(o options, upstream string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "runtime: {memory_limit: %s}\nstreams: {resume: {window: 2s}, retry: 1s}\n", o.limit)
	fmt.Fprint(&b, "log: {level: error}\nauth:\n  keys:\n")
	entry := func(name, key, limits string) {
		fmt.Fprintf(&b, "    - {name: %s, sha256: %x%s}\n", name, auth.Digest(key), limits)
	}
	entry("good", s.keys.good, "")
	for i := range hostileKeys {
		s.keys.hostile = append(s.keys.hostile, auth.NewKey())
		limits := ", requests_per_minute: 6000, tokens_per_minute: 10000000, streams: 32, priority: batch"
		if i == 0 {
			limits = ""
		}
		entry(fmt.Sprint("hostile", i), s.keys.hostile[i], limits)
	}
	fmt.Fprint(&b, "models:\n")
	fmt.Fprintf(&b, "  - {name: clip, kind: clip, path: %q, labels: [a photo of a cat, a photo of a dog], fetch: {allow: [127.0.0.0/8]}}\n",
		filepath.Join(o.root, "models", "clip-tiny"))
	fmt.Fprintf(&b, "  - {name: gpt, kind: openai, upstreams: [{base_url: %q}], timeouts: {total: 20s}}\n", upstream)
	model := filepath.Join(o.root, ".penstock", "models", "smollm2-135m-instruct")
	if _, err := os.Stat(filepath.Join(model, "tokenizer.json")); err == nil && !o.small {
		fmt.Fprintf(&b, "  - {name: smollm2, kind: onnx-llm, path: %q, max_tokens: 512}\n", model)
		s.languageModels = append(s.languageModels, "smollm2")
	}
	return b.String(), nil
}

// stop ends the process, and waits for it.
func (s *target) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have exited
	_ = s.cmd.Wait()                          // it has been judged before
}

func (s *target) get(ctx context.Context, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Close = true
	request.Header.Set("X-API-Key", s.keys.good)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

func (s *target) ready(ctx context.Context) (bool, error) {
	status, _, err := s.get(ctx, "/readyz")
	return status == http.StatusOK, err
}

// metrics returns the value of each line of /metrics.
func (s *target) metrics(ctx context.Context) (map[string]float64, error) {
	_, body, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil && !strings.HasPrefix(line, "#") {
			values[name] = v
		}
	}
	return values, nil
}

// settling bounds the time until the server has nothing left of an attack.
const settling = 120 * time.Second

var errTime = errors.New("it takes too long")

// await polls until a condition holds that the server announces nowhere.
func (s *target) await(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settling, errTime)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		ok, err := holds()
		if ok {
			return nil
		}
		if ctx.Err() == nil && err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
	}
}

// zero matches the metrics that are to be as before the attack.
var zero = regexp.MustCompile(`^penstock_(gate_slots_in_use|gate_permits_in_use|gate_queue_depth|gate_callers|streams_open|` +
	`stream_readers_open|streams_kept|memory_held_bytes|memory_callers|memory_waiting|connections_open|limit_in_use|limit_waiting)`)

// moreGoroutines is how many more goroutines there may be than before: connections to upstreams
// that are kept for reuse have two each.
const moreGoroutines = 64

// settle waits until everything is as it was before the attack, and returns what is not.
func (s *target) settle(ctx context.Context, before map[string]float64) (left []string, err error) {
	err = s.await(ctx, "what is left", func() (bool, error) {
		now, err := s.metrics(ctx)
		if err != nil {
			return false, err
		}
		left = nil
		for _, name := range slices.Sorted(maps.Keys(now)) {
			switch {
			case zero.MatchString(name) && now[name] > before[name],
				name == "go_goroutines" && now[name] > before[name]+moreGoroutines:
				left = append(left, fmt.Sprintf("%s %v (before: %v)", name, now[name], before[name]))
			}
		}
		return len(left) == 0, nil
	})
	if len(left) > 0 {
		err = nil
	}
	return left, err
}

// peak returns the most resident memory that the process has had.
func (s *target) peak() (int64, error) { return s.status("VmHWM:") }

// status returns a size of the process, by its name in /proc.
func (s *target) status(name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte(name))
	rest, _, _ = bytes.Cut(rest, []byte("kB"))
	n, err := strconv.ParseInt(strings.TrimSpace(string(rest)), 10, 64)
	return n << 10, err
}

// machineLoad returns the load averages.
func machineLoad() string {
	text, _ := os.ReadFile("/proc/loadavg") // absent on other systems
	return strings.TrimSpace(string(text))
}

// bytesOf reads a size such as 1GiB.
func bytesOf(text string) (int64, error) {
	for unit, factor := range map[string]int64{"GiB": 1 << 30, "MiB": 1 << 20} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			return n * factor, err
		}
	}
	return 0, fmt.Errorf("%q is no size in MiB or GiB", text)
}
