package acceptance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/tmaxmax/go-sse"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// told is an error object of either shape.
type told struct {
	Code, Reason, Message, Param, Type string
	RequestID                          string `json:"request_id"`
}

// error returns what an answer says went wrong.
func (a answer) error(t *testing.T) told {
	t.Helper()
	var body struct{ Error told }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || body.Error.Code == "" || body.Error.Message == "" {
		t.Errorf("status %d and no error object: %q", a.status, a.body)
	}
	return body.Error
}

// send sends a request and returns its answer's head; headers are pairs. Its context may break it off.
func (h *house) send(ctx context.Context, method, path, body string, headers ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	return h.client.Do(request)
}

// do sends a request and reads its whole answer.
func (h *house) do(method, path, body string, headers ...string) answer {
	h.Helper()
	response, err := h.send(h.ctx, method, path, body, headers...)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		h.Fatalf("%s %s: %v after %q", method, path, err, b)
	}
	return answer{response.StatusCode, response.Header, string(b)}
}

func (h *house) get(path string) answer {
	h.Helper()
	return h.do(http.MethodGet, path, "")
}

// post sends JSON.
func (h *house) post(path, body string) answer {
	h.Helper()
	return h.do(http.MethodPost, path, body, "Content-Type", "application/json")
}

// flight is a request whose answer is still to come.
type flight struct {
	leave  context.CancelFunc // breaks it off, as a client that leaves
	landed chan answer        // gets its answer, or a zero one where it was broken off
}

// launch sends JSON without waiting for the answer.
func (h *house) launch(path, body string) flight {
	ctx, leave := context.WithCancel(h.ctx)
	f := flight{leave, make(chan answer, 1)}
	done := make(chan struct{})
	h.Cleanup(func() { leave(); <-done })
	go func() {
		defer close(done)
		a := answer{}
		defer func() { f.landed <- a }()
		response, err := h.send(ctx, http.MethodPost, path, body, "Content-Type", "application/json")
		if err != nil {
			return
		}
		defer response.Body.Close()
		if b, err := io.ReadAll(response.Body); err == nil {
			a = answer{response.StatusCode, response.Header, string(b)}
		}
	}()
	return f
}

// stream is an event stream that is being read.
type stream struct {
	*testing.T
	leave  context.CancelFunc
	header http.Header
	pull   func() (sse.Event, error, bool)
}

// open asks for an event stream and returns once its head has come.
func (h *house) open(method, path, body string) *stream {
	h.Helper()
	ctx, leave := context.WithCancel(h.ctx)
	response, err := h.send(ctx, method, path, body, "Content-Type", "application/json", "Accept", "text/event-stream")
	if err != nil {
		h.Fatal(err)
	}
	pull, stop := iter.Pull2(iter.Seq2[sse.Event, error](sse.Read(response.Body, nil)))
	h.Cleanup(func() { leave(); stop(); response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(response.Body)
		h.Fatalf("%s %s: status %d, %s", method, path, response.StatusCode, b)
	}
	return &stream{h.T, leave, response.Header, pull}
}

// next reads the next event, by a parser that is not ours. The error is io.EOF where the stream has ended cleanly.
func (s *stream) next() (sse.Event, error) {
	for {
		ev, err, ok := s.pull()
		if !ok {
			return ev, io.EOF
		}
		if err != nil || ev.Data != "" { // browsers dispatch nothing without data, the opening id for one
			return ev, err
		}
	}
}

// rest reads all events to the stream's clean end.
func (s *stream) rest() (all []sse.Event) {
	s.Helper()
	for {
		ev, err := s.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			s.Fatalf("after %d events: %v", len(all), err)
		}
		all = append(all, ev)
	}
}

// upTo reads until an event of that name ("" for a chunk), which it returns.
func (s *stream) upTo(name string) sse.Event {
	s.Helper()
	for {
		ev, err := s.next()
		if err != nil {
			s.Fatalf("no event %q: %v", name, err)
		}
		if ev.Type == name {
			return ev
		}
	}
}

// metric returns a number of /metrics by its name and labels; one that is not there counts as 0.
func (h *house) metric(name string) float64 {
	h.Helper()
	lines := bufio.NewScanner(strings.NewReader(h.get("/metrics").body))
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				h.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// The numbers tests look at most.
const (
	inUse   = `penstock_gate_permits_in_use{gate="local"}`
	waiting = `penstock_gate_queue_depth{gate="local"}`
	chunks  = `penstock_stream_chunks_total{model="smollm2"}`
)

// until asks again and again until a number is what it must become: another process tells nobody of its own accord.
func (h *house) until(name string, want float64) {
	h.Helper()
	for h.metric(name) != want {
		if h.ctx.Err() != nil {
			h.Fatalf("%s does not become %v", name, want)
		}
	}
}

// goesOn checks that both models do their work.
func (h *house) goesOn() {
	h.Helper()
	a := h.do(http.MethodPost, "/v1/models/clip:predict", string(photo(h.T, "cat_chelsea.jpg")), "Content-Type", "image/jpeg")
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, `{"labels":["a photo of a cat"`) {
		h.Fatalf("CLIP does not go on: %d %s", a.status, a.body)
	}
	a = h.post("/v1/chat/completions", `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}],"max_tokens":2}`)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"object":"chat.completion"`) {
		h.Fatalf("SmolLM2 does not go on: %d %s", a.status, a.body)
	}
}

// endless is a prompt whose answer lasts longer than any test: its end tokens are forbidden.
const endless = `{"prompt":"Tell me everything about the sea.","max_tokens":8000,"logit_bias":{"0":-100,"2":-100}}`

// hold starts a generation that holds a permit until it is left.
func (h *house) hold() *stream {
	h.Helper()
	s := h.open(http.MethodPost, "/v1/models/smollm2/stream", endless)
	s.upTo("")
	return s
}
