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

// endsWell waits for a process that was told to end.
func endsWell(t *testing.T, p *served.Process) {
	t.Helper()
	if state := p.Wait(t); !state.Success() {
		t.Errorf("it ended with %v", state)
	}
}

// SIGTERM lets a stream that runs finish and refuses what comes new.
func TestSIGTERMLetsAStreamFinish(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 10m}"+bothModels)
	s := c.Open(http.MethodPost, streamLLM, `{"prompt":"Tell me everything about the sea.","max_tokens":100,"logit_bias":{"0":-100,"2":-100}}`)
	s.Until("")
	p.Signal(t, syscall.SIGTERM)
	ready := c.Get("/readyz")
	for ready.status == http.StatusOK && c.Context().Err() == nil { // the signal is on its way
		ready = c.Get("/readyz")
	}
	if !strings.Contains(ready.body, `"status":"draining"`) {
		t.Errorf("/readyz says %d %s", ready.status, ready.body)
	}
	c.refused("a predict", c.Post(predictCLIP, pixel), http.StatusServiceUnavailable, "draining")
	c.refused("a chat", c.Post(chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}]}`), http.StatusServiceUnavailable, "draining")
	if a := c.Get("/healthz"); a.Status != http.StatusOK {
		t.Errorf("/healthz says %d while draining", a.Status)
	}
	events := s.Rest()
	if last := events[len(events)-1]; last.Type != "done" || !strings.Contains(last.Data, `"completion_tokens":100`) {
		t.Errorf("the stream's last event is %v", last)
	}
	endsWell(t, p)
}

// A grace that is over fails what still runs, and says so.
func TestAGraceThatIsOver(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 100ms}"+bothModels)
	s := c.holdPermit()
	p.Signal(t, syscall.SIGTERM)
	events := s.Rest()
	if last := events[len(events)-1]; last.Type != "failed" || !strings.Contains(last.Data, `"code":"draining"`) {
		t.Errorf("the stream's last event is %v", last)
	}
	endsWell(t, p)
}

func TestASecondSIGTERMEndsAtOnce(t *testing.T) {
	c, p := start(t, "server: {shutdown_grace: 10m}"+bothModels)
	s := c.holdPermit()
	p.Signal(t, syscall.SIGTERM)
	for c.Get("/readyz").status == http.StatusOK && c.Context().Err() == nil {
	}
	p.Signal(t, syscall.SIGTERM)
	if status, ok := p.Wait(t).Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", status)
	}
	for {
		ev, err := s.Next()
		if err != nil {
			break
		}
		if ev.Type != "" {
			t.Errorf("what was cut off was told %v", ev)
		}
	}
}

// A model that cannot be loaded fails alone, and /readyz says why.
func TestAModelThatFailsToLoadLeavesTheOthers(t *testing.T) {
	c, _ := start(t, `
models:
  - {name: lost, kind: clip, path: nowhere, labels: [a cat, a dog]}
  - {name: hollow, kind: onnx-llm, path: "ROOT/models/clip-tiny"}
  - {name: clip, kind: clip, path: "ROOT/models/clip-tiny", labels: [a cat, a dog]}
`)
	a := c.Get("/readyz")
	var ready struct {
		Status string
		Models []struct{ Name, State, Reason string }
	}
	if err := json.Unmarshal([]byte(a.Body), &ready); err != nil || a.Status != http.StatusOK || ready.Status != "ready" || len(ready.Models) != 3 {
		t.Fatalf("/readyz says %d %s", a.Status, a.Body)
	}
	for i, want := range []struct{ state, reason string }{{"failed", "nowhere"}, {"failed", "model folder"}, {"ready", ""}} {
		if m := ready.Models[i]; m.State != want.state || !strings.Contains(m.Reason, want.reason) {
			t.Errorf("%s is %s: %q", m.Name, m.State, m.Reason)
		}
	}
	for _, way := range []struct{ path, body string }{
		{"/v1/models/lost:predict", pixel},
		{"/v1/models/hollow/stream", `{"prompt":"Hello"}`},
		{chatRoute, `{"model":"hollow","messages":[{"role":"user","content":"Hello"}]}`},
	} {
		a := c.Post(way.path, way.body)
		if got := a.Error(t); a.Status != http.StatusServiceUnavailable || got.Code != "model_failed" || strings.Contains(got.Message, "nowhere") {
			t.Errorf("%s: %d %s", way.path, a.Status, a.Body)
		}
	}
	if a := c.Post(predictCLIP, pixel); a.Status != http.StatusOK {
		t.Errorf("the other does not serve: %d %s", a.Status, a.Body)
	}
	if n := c.Metric(`penstock_model_loaded{model="clip"}`) + 10*c.Metric(`penstock_model_loaded{model="lost"}`); n != 1 {
		t.Errorf("model_loaded: %v", n)
	}
}

// run runs a command that is to end by itself, and returns its exit status and what it said.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir, c.Stdout, c.Stderr = server.Root(t), &out, &errs
	if err := c.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestAWrongConfigurationIsRefusedWhole(t *testing.T) {
	file := configuration(t, `
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
			t.Errorf("nothing is said of %s", problem)
		}
	}
	if lines := strings.Split(strings.TrimSpace(stderr), "\n"); len(lines) != 5 || t.Failed() {
		t.Errorf("%d problems:\n%s", len(lines), stderr)
	}
}

func TestAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	status, stdout, stderr := run(t, "serve", "--config", configuration(t, bothModels), "--address", taken.Addr().String())
	if status != 1 || stdout != "" || !strings.Contains(stderr, taken.Addr().String()) || !strings.Contains(stderr, "address already in use") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// An import that is broken off leaves nothing behind, wherever it was.
func TestAnImportBrokenOffLeavesNothing(t *testing.T) {
	gguf := filepath.Join(server.Root(t), ".penstock", "cache", "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(gguf); err != nil {
		t.Fatal("SmolLM2's GGUF file is missing: run make setup")
	}
	// A whole import takes less than a second: where one was finished before the signal came, another is tried.
	for range 20 {
		parent := t.TempDir()
		status := importBrokenOff(t, gguf, parent)
		left, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		if status == 0 {
			if len(left) != 1 || left[0].Name() != "smollm2" {
				t.Fatalf("a whole import made %v", left)
			}
			continue
		}
		if status != 1 || len(left) > 0 {
			t.Errorf("broken off, it exits with %d and leaves %v", status, left)
		}
		return
	}
	t.Error("no import could be broken off")
}

// importBrokenOff sends SIGTERM as soon as something lies in the parent folder.
func importBrokenOff(t *testing.T, gguf, parent string) (status int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, "import", gguf, filepath.Join(parent, "smollm2"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // the state says it all
	}()
	for {
		begun, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
			return c.ProcessState.ExitCode()
		default:
		}
		if len(begun) > 0 {
			break
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-ended
	return c.ProcessState.ExitCode()
}
