package endurance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"penstock/test/server"
	"penstock/test/testmodel"
)

// upstream is an OpenAI-compatible server that sends a chunk of its one response for each word that
// it receives from the channel, and ends the response when the channel is closed.
func upstream(t *testing.T, words <-chan string) *httptest.Server {
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

// startRelay runs the binary with the upstream as its one model.
func startRelay(t *testing.T, upstream *httptest.Server, grace time.Duration) (client, *server.Process) {
	t.Helper()
	p := server.Start(t, server.Options{Config: fmt.Sprintf(
		"server: {shutdown_grace: %s}\nmodels: [{name: testmodel, kind: openai, upstreams: [{base_url: %q, model: m}]}]\n",
		grace, upstream.URL+"/v1",
	)})
	return newClient(t, p.URL), p
}

// received is what a reader has received of a stream of the relay's.
type received struct {
	text, end, lastID string
}

// readSome reads on in a stream: n events of it or, if n is 0, to its end.
func (c client) readSome(path string, r *received, n int) {
	c.Helper()
	response, err := c.Send(c.Context(), http.MethodGet, path, "", "Last-Event-ID", r.lastID)
	if err != nil {
		c.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		c.Errorf("status %d", response.StatusCode)
	}
	id, _ := testmodel.Events(response.Body, func(ev testmodel.Event) bool {
		var event struct{ Text, Reason, Code string }
		if err := json.Unmarshal([]byte(ev.Data), &event); err != nil {
			c.Error(err)
		}
		r.text += event.Text
		if ev.Name == "done" || ev.Name == "failed" {
			r.end = ev.Name + " " + event.Reason + event.Code
		}
		if ev.Seq > 0 {
			n--
		}
		return n != 0
	})
	r.lastID = id
}

// resumeInBackground resumes a stream and reads it to its end, when it closes done. It returns once
// the reader is there.
func (c client) resumeInBackground(path string, r *received) (done chan struct{}) {
	c.Helper()
	const readers = "penstock_stream_readers_open"
	c.WaitMetric(readers, 0)
	done = make(chan struct{})
	go func() {
		defer close(done)
		c.readSome(path, r, 0)
	}()
	c.WaitMetric(readers, 1)
	return done
}

// SIGTERM arrives while a stream runs that has no reader. New work is refused, but the reader
// resumes on a new connection and receives the stream to its end. Only then does the process exit,
// with status 0.
func TestAShutdownServesReadersThatResume(t *testing.T) {
	words := make(chan string)
	c, p := startRelay(t, upstream(t, words), 10*time.Minute)
	path := c.create(`{"prompt":"Hello"}`)
	words <- "one "
	words <- "two "
	var r received
	c.readSome(path, &r, 2)
	if r.text != "one two " || !strings.HasSuffix(r.lastID, "-2") {
		t.Fatalf("before the signal: %+v", r)
	}
	p.Signal(syscall.SIGTERM)
	c.WaitFor("/readyz reports the shutdown", func() bool { return c.Get("/readyz").Status == http.StatusServiceUnavailable })
	for path, body := range map[string]string{
		"/v1/streams":                 `{"model":"testmodel","input":{"prompt":"x"}}`,
		"/v1/models/testmodel/stream": `{"prompt":"x"}`,
		"/v1/chat/completions":        `{"model":"testmodel","stream":true,"messages":[{"role":"user","content":"x"}]}`,
	} {
		refused := c.Post(path, body)
		if refused.Status != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" || !strings.Contains(refused.Body, `"code":"draining"`) {
			t.Errorf("%s: %d, Retry-After %q, %s", path, refused.Status, refused.Header.Get("Retry-After"), refused.Body)
		}
	}
	words <- "three "
	c.readSome(path, &r, 1)
	if r.text != "one two three " {
		t.Errorf("during the shutdown: %+v", r)
	}
	done := c.resumeInBackground(path, &r)
	close(words)
	<-done
	if r.text != "one two three " || r.end != "done stop" {
		t.Errorf("at the end: %+v", r)
	}
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
}

// When the grace period is over, streams that still run fail, and their readers receive that.
func TestAShutdownFailsStreamsAfterTheGracePeriod(t *testing.T) {
	words := make(chan string)
	c, p := startRelay(t, upstream(t, words), 100*time.Millisecond)
	path := c.create(`{"prompt":"Hello"}`)
	words <- "one "
	var r received
	c.readSome(path, &r, 1)
	done := c.resumeInBackground(path, &r)
	p.Signal(syscall.SIGTERM)
	<-done
	if r.text != "one " || r.end != "failed draining" {
		t.Errorf("received %+v", r)
	}
	if state := p.Wait(); !state.Success() {
		t.Errorf("it exited with %v", state)
	}
}
