package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"penstock/test/server"
)

// checkExit waits for a process that has got a signal, and checks its exit status.
func checkExit(t *testing.T, p *server.Process) {
	t.Helper()
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
}

// SIGTERM lets a running stream finish and refuses new requests.
func TestSIGTERMLetsAStreamFinish(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 10m}"+bothModels)
	s := c.Open(http.MethodPost, streamLLM, `{"prompt":"Tell me everything about the sea.","max_tokens":100,"logit_bias":{"0":-100,"2":-100}}`)
	s.Until("")
	p.Signal(syscall.SIGTERM)
	ready := c.Get("/readyz")
	for ready.Status == http.StatusOK && c.Context().Err() == nil { // the signal may not have arrived
		ready = c.Get("/readyz")
	}
	if !strings.Contains(ready.Body, `"status":"draining"`) {
		t.Errorf("/readyz returns %d %s", ready.Status, ready.Body)
	}
	c.checkRefused("a predict", c.Post(predictCLIP, pixel), http.StatusServiceUnavailable, "draining")
	c.checkRefused("a chat", c.Post(chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}]}`), http.StatusServiceUnavailable, "draining")
	if r := c.Get("/healthz"); r.Status != http.StatusOK {
		t.Errorf("/healthz returns %d while draining", r.Status)
	}
	events := s.Rest()
	if last := events[len(events)-1]; last.Type != "done" || !strings.Contains(last.Data, `"completion_tokens":100`) {
		t.Errorf("the stream's last event is %v", last)
	}
	checkExit(t, p)
}

// When the grace period is over, a stream that still runs fails with the reason.
func TestTheEndOfTheGracePeriodFailsStreams(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 100ms}"+bothModels)
	s := c.holdPermit()
	p.Signal(syscall.SIGTERM)
	events := s.Rest()
	if last := events[len(events)-1]; last.Type != "failed" || !strings.Contains(last.Data, `"code":"draining"`) {
		t.Errorf("the stream's last event is %v", last)
	}
	checkExit(t, p)
}

func TestASecondSIGTERMEndsTheProcessAtOnce(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 10m}"+bothModels)
	s := c.holdPermit()
	p.Signal(syscall.SIGTERM)
	for c.Get("/readyz").Status == http.StatusOK && c.Context().Err() == nil {
	}
	p.Signal(syscall.SIGTERM)
	if status, ok := p.Wait().Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it exited with %v", status)
	}
	for {
		ev, err := s.Next()
		if err != nil {
			break
		}
		if ev.Type != "" {
			t.Errorf("the stream that was cut received %v", ev)
		}
	}
}

// A model that cannot be loaded fails alone, and /readyz has the reason.
func TestAModelThatFailsToLoadLeavesTheOthers(t *testing.T) {
	c, _ := start(t, `
models:
  - {name: lost, kind: clip, path: nowhere, labels: [a cat, a dog]}
  - {name: hollow, kind: onnx-llm, path: "ROOT/models/clip-tiny"}
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: [a cat, a dog]}
`)
	r := c.Get("/readyz")
	var ready struct {
		Status string
		Models []struct{ Name, State, Reason string }
	}
	if err := json.Unmarshal([]byte(r.Body), &ready); err != nil || r.Status != http.StatusOK || ready.Status != "ready" || len(ready.Models) != 3 {
		t.Fatalf("/readyz returns %d %s", r.Status, r.Body)
	}
	for i, want := range []struct{ state, reason string }{{"failed", "nowhere"}, {"failed", "model folder"}, {"ready", ""}} {
		if m := ready.Models[i]; m.State != want.state || !strings.Contains(m.Reason, want.reason) {
			t.Errorf("%s is %s: %q", m.Name, m.State, m.Reason)
		}
	}
	for _, request := range []struct{ path, body string }{
		{"/v1/models/lost:predict", pixel},
		{"/v1/models/hollow/stream", `{"prompt":"Hello"}`},
		{chatRoute, `{"model":"hollow","messages":[{"role":"user","content":"Hello"}]}`},
	} {
		r := c.Post(request.path, request.body)
		if got := r.Error(t); r.Status != http.StatusServiceUnavailable || got.Code != "model_failed" || strings.Contains(got.Message, "nowhere") {
			t.Errorf("%s: %d %s", request.path, r.Status, r.Body)
		}
	}
	if r := c.Post(predictCLIP, pixel); r.Status != http.StatusOK {
		t.Errorf("the other model does not serve: %d %s", r.Status, r.Body)
	}
	if n := c.Metric(`penstock_model_loaded{model="clip"}`) + 10*c.Metric(`penstock_model_loaded{model="lost"}`); n != 1 {
		t.Errorf("model_loaded: %v", n)
	}
}

// run runs a command that exits by itself, and returns its exit status and output.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), server.Binary(t), args...)
	c.Dir, c.Stdout, c.Stderr = server.Root(t), &out, &errs
	if err := c.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestAWrongConfigurationIsRefusedWithEveryProblem(t *testing.T) {
	file := server.ConfigFile(t, `
server: {adress: 127.0.0.1:0, max_body: lots}
runtime: {predict_concurrency: 0}
models:
  - {name: clip, kind: clipp, path: x}
  - {name: story, kind: onnx-llm, path: x, postprocess: upper}
`)
	status, stdout, stderr := run(t, "serve", "--config", file)
	if status != 2 || stdout != "" {
		t.Errorf("status %d, %q", status, stdout)
	}
	for _, problem := range []string{
		`:2:10: unknown key "adress": did you mean "address"?`,
		`:2:41: server.max_body`,
		`:3:32: runtime.predict_concurrency`,
		`did you mean "clip"?`,
		`a generator must not have a postprocess step: do that work while generating, or in the client`,
	} {
		if !strings.Contains(stderr, problem) {
			t.Errorf("stderr does not contain %s", problem)
		}
	}
	if lines := strings.Split(strings.TrimSpace(stderr), "\n"); len(lines) != 5 || t.Failed() {
		t.Errorf("%d problems:\n%s", len(lines), stderr)
	}
}

func TestAPortInUseIsReported(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	status, stdout, stderr := run(t, "serve", "--config", server.ConfigFile(t, bothModels), "--address", occupied.Addr().String())
	if status != 1 || stdout != "" || !strings.Contains(stderr, occupied.Addr().String()) || !strings.Contains(stderr, "address already in use") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// An import that is interrupted leaves nothing behind, however far it was.
func TestAnInterruptedImportLeavesNothing(t *testing.T) {
	gguf := filepath.Join(server.Root(t), ".penstock", "cache", "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(gguf); err != nil {
		t.Fatal("SmolLM2's GGUF file is missing: run make setup")
	}
	// A complete import takes less than a second: if one has finished before the signal, another
	// one is tried.
	for range 20 {
		parent := t.TempDir()
		status := interruptImport(t, gguf, parent)
		left, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		if status == 0 {
			if len(left) != 1 || left[0].Name() != "smollm2" {
				t.Fatalf("a complete import created %v", left)
			}
			continue
		}
		if status != 1 || len(left) > 0 {
			t.Errorf("interrupted, it exits with %d and leaves %v", status, left)
		}
		return
	}
	t.Error("no import could be interrupted")
}

// interruptImport sends SIGTERM to an import as soon as its parent folder has an entry.
func interruptImport(t *testing.T, gguf, parent string) (status int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), server.Binary(t), "import", gguf, filepath.Join(parent, "smollm2"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = c.Wait() // the state has the result
	}()
	for {
		entries, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-exited:
			return c.ProcessState.ExitCode()
		default:
		}
		if len(entries) > 0 {
			break
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-exited
	return c.ProcessState.ExitCode()
}
