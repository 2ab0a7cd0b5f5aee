package endurance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"penstock/internal/served"
	"penstock/internal/teller"
)

// build makes the binary that users run; a race in it fails its exit status where the tests look for races.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "penstock")
	args := []string{"build", "-o", binary}
	if info, _ := debug.ReadBuildInfo(); slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	if out, err := exec.CommandContext(t.Context(), "go", append(args, "..")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// dictated is an OpenAI-compatible server that writes a word of its one answer for each value it is sent, and ends the
// answer when the channel is closed.
func dictated(t *testing.T, words <-chan string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		chunk := func(delta, finish string) {
			fmt.Fprintf(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`+"\n\n", delta, finish)
			_ = http.NewResponseController(w).Flush()
		}
		for {
			select {
			case word, more := <-words:
				if !more {
					chunk("{}", `"stop"`)
					fmt.Fprint(w, "data: [DONE]\n\n")
					return
				}
				text, _ := json.Marshal(word)
				chunk(`{"content":`+string(text)+`}`, "null")
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// relay runs the binary with the upstream as its one model.
func relay(t *testing.T, binary string, upstream *httptest.Server, grace time.Duration) (*house, *served.Process) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "penstock.yaml")
	config := fmt.Sprintf("server: {shutdown_grace: %s}\nmodels: [{name: teller, kind: openai, upstreams: [{base_url: %q, model: m}]}]\n", grace, upstream.URL+"/v1")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := served.Run(t, served.Command{Binary: binary, Dir: "..", Args: []string{"--config", file}})
	p.WaitReady(t)
	http.DefaultClient.CloseIdleConnections() // WaitReady's
	return newHouse(t, p.URL), p
}

// heard is a reader of a stream of the relay's.
type heard struct {
	text, end, lastID string
}

// listen reads a stream on, n events of it or, if n is 0, to its end.
func (h *house) listen(path string, r *heard, n int) {
	h.Helper()
	response, err := h.ask(http.MethodGet, path, "", "Last-Event-ID", r.lastID)
	if err != nil {
		h.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		h.Errorf("status %d", response.StatusCode)
	}
	id, _ := teller.Events(response.Body, func(ev teller.Event) bool {
		var said struct{ Text, Reason, Code string }
		if err := json.Unmarshal([]byte(ev.Data), &said); err != nil {
			h.Error(err)
		}
		r.text += said.Text
		if ev.Name == "done" || ev.Name == "failed" {
			r.end = ev.Name + " " + said.Reason + said.Code
		}
		if ev.Seq > 0 {
			n--
		}
		return n != 0
	})
	r.lastID = id
}

// listenOn comes back to a stream and reads it to its end, which it tells.
func (h *house) listenOn(path string, r *heard) (done chan struct{}) {
	h.Helper()
	h.until("nobody reads", func() bool { return h.metric("penstock_stream_readers_open") == "0" })
	done = make(chan struct{})
	go func() {
		defer close(done)
		h.listen(path, r, 0)
	}()
	h.until("the reader is back", func() bool { return h.metric("penstock_stream_readers_open") == "1" })
	return done
}

func TestDrain(t *testing.T) {
	binary := build(t)
	t.Run("who comes back is served", func(t *testing.T) { drainServes(t, binary) })
	t.Run("what takes too long fails", func(t *testing.T) { drainFails(t, binary) })
}

// SIGTERM, while a stream runs that nobody reads: what is new is refused, while its reader comes back, on a new connection,
// and hears it to its end. Only then does the process go, and well.
func drainServes(t *testing.T, binary string) {
	words := make(chan string)
	h, p := relay(t, binary, dictated(t, words), 10*time.Minute)
	path := h.create(`{"prompt":"Tell me."}`)
	words <- "one "
	words <- "two "
	var r heard
	h.listen(path, &r, 2)
	if r.text != "one two " || !strings.HasSuffix(r.lastID, "-2") {
		t.Fatalf("before the signal: %+v", r)
	}
	p.Signal(t, syscall.SIGTERM)
	h.until("the drain is seen", func() bool { return h.status(http.MethodGet, "/readyz", "") == http.StatusServiceUnavailable })
	for path, body := range map[string]string{
		"/v1/streams":              `{"model":"teller","input":{"prompt":"x"}}`,
		"/v1/models/teller/stream": `{"prompt":"x"}`,
		"/v1/chat/completions":     `{"model":"teller","stream":true,"messages":[{"role":"user","content":"x"}]}`,
	} {
		h.refused(path, body)
	}
	words <- "three "
	h.listen(path, &r, 1)
	if r.text != "one two three " {
		t.Errorf("while it drains: %+v", r)
	}
	done := h.listenOn(path, &r)
	close(words)
	<-done
	if r.text != "one two three " || r.end != "done stop" {
		t.Errorf("to its end: %+v", r)
	}
	if state := p.Wait(t); !state.Success() {
		t.Errorf("it ended with %v", state)
	}
}

// When the grace is over, what still runs has failed, and its readers are told so.
func drainFails(t *testing.T, binary string) {
	words := make(chan string)
	h, p := relay(t, binary, dictated(t, words), 100*time.Millisecond)
	path := h.create(`{"prompt":"Tell me."}`)
	words <- "one "
	var r heard
	h.listen(path, &r, 1)
	done := h.listenOn(path, &r)
	p.Signal(t, syscall.SIGTERM)
	<-done
	if r.text != "one " || r.end != "failed draining" {
		t.Errorf("heard %+v", r)
	}
	if state := p.Wait(t); !state.Success() {
		t.Errorf("it ended with %v", state)
	}
}

func (h *house) status(method, path, body string) int {
	h.Helper()
	response, err := h.ask(method, path, body)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// refused checks that new work is refused because of the drain.
func (h *house) refused(path, body string) {
	h.Helper()
	response, err := h.ask(http.MethodPost, path, body, "Content-Type", "application/json")
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(string(answer), `"code":"draining"`) {
		h.Errorf("%s: %d, Retry-After %q, %s", path, response.StatusCode, response.Header.Get("Retry-After"), answer)
	}
}
