package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"penstock/engine"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// done is the data of the event done.
type done struct {
	Reason string
	Usage  struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	}
}

// An independent parser reads a stream of the real model, requested in both ways.
func TestEveryEventOfAStream(t *testing.T) {
	c, _ := start(t, "streams: {retry: 2m}"+bothModels) // on a slow machine too, the stream must be there at the reconnection
	query := url.Values{"prompt": {"Write a poem about the sea."}, "max_tokens": {"24"}, "seed": {"7"}}
	for name, s := range map[string]*server.Stream{
		"POST": c.Open(http.MethodPost, "/v1/models/smollm2/stream", `{"prompt":"Write a poem about the sea.","max_tokens":24,"seed":7}`),
		"GET":  c.Open(http.MethodGet, "/v1/models/smollm2/stream?"+query.Encode(), ""),
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.Header.Get("Content-Type") + "|" + s.Header.Get("Cache-Control") + "|" + s.Header.Get("X-Accel-Buffering"); got != "text/event-stream; charset=utf-8|no-cache, no-transform|no" {
				t.Errorf("headers: %s", got)
			}
			events := s.Rest()
			if len(events) < 3 || events[0].Type != "started" || events[0].Data != `{"model":"smollm2"}` {
				t.Fatalf("%d events, of which the first is %v", len(events), events[:min(1, len(events))])
			}
			id, ok := strings.CutSuffix(events[0].LastEventID, "-0")
			if !ok || len(id) != 32 {
				t.Errorf("the stream opens with id %q", events[0].LastEventID)
			}
			text := ""
			for i, ev := range events[1:] {
				if want := fmt.Sprintf("%s-%d", id, i+1); ev.LastEventID != want {
					t.Errorf("event %d has id %q, not %q", i+1, ev.LastEventID, want)
				}
				if i == len(events)-2 {
					break
				}
				var chunk struct{ Text string }
				if err := json.Unmarshal([]byte(ev.Data), &chunk); err != nil || chunk.Text == "" || ev.Type != "" {
					t.Errorf("chunk %d is %v: %v", i+1, ev, err)
				}
				text += chunk.Text
			}
			last := events[len(events)-1]
			var d done
			if err := json.Unmarshal([]byte(last.Data), &d); err != nil || last.Type != "done" {
				t.Fatalf("the last event is %v: %v", last, err)
			}
			if d.Reason != "length" || d.Usage.CompletionTokens != 24 || d.Usage.PromptTokens < 10 || d.Usage.TotalTokens != d.Usage.PromptTokens+24 {
				t.Errorf("the data of done is %s", last.Data)
			}
			if whole := c.Post("/v1/models/smollm2:predict", `{"prompt":"Write a poem about the sea.","max_tokens":24,"seed":7}`); !strings.Contains(whole.Body, `"output":`+quoted(t, text)) {
				t.Errorf("the same seed gave %q in a stream, and whole: %s", text, whole.Body)
			}
			// An EventSource that is not closed after the end reconnects: status 204 stops it, and
			// nothing is generated again.
			if again := c.Do(http.MethodGet, "/v1/models/smollm2/stream?"+query.Encode(), "", "Last-Event-ID", last.LastEventID); name == "GET" && (again.Status != http.StatusNoContent || again.Body != "") {
				t.Errorf("reconnecting after the end: %d %s", again.Status, again.Body)
			}
		})
	}
	if n := c.Metric(`penstock_streams_total{model="smollm2",outcome="done"}`); n != 4 {
		t.Errorf("%v streams ran", n)
	}

	// The same parser reads OpenAI's dialect: the chunks of one completion, and [DONE] at the very
	// end.
	events := c.Open(http.MethodPost, "/v1/chat/completions", `{"model":"smollm2","stream":true,"max_tokens":8,"messages":[{"role":"user","content":"Hello"}]}`).Rest()
	if len(events) < 3 || events[len(events)-1].Data != "[DONE]" {
		t.Fatalf("%d events: %v", len(events), events)
	}
	for _, ev := range events[:len(events)-1] {
		if !strings.HasPrefix(ev.Data, `{"id":"chatcmpl-`) || ev.Type != "" || ev.LastEventID != "" {
			t.Errorf("a chunk is %v", ev)
		}
	}
}

// quoted returns text as the gateway writes it into JSON.
func quoted(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// generator are options with a model, generator, that emits what a function emits.
func generator(generate func(ctx context.Context, emit func(...string) error) (testmodel.End, error)) testmodel.Options {
	return testmodel.Options{Permits: 1, Queue: 1, Add: func(e *engine.Engine) error {
		testmodel.AddGenerator(e, "generator", generate)
		return nil
	}}
}

// A generator fails after its first word: the reader receives that, the permit is released, and the
// next request gets it.
func TestAGeneratorThatFailsFailsItsStreamOnly(t *testing.T) {
	fault := errors.New("on purpose")
	for name, fail := range map[string]func() (testmodel.End, error){
		"a panic":  func() (testmodel.End, error) { panic(fault) },
		"an error": func() (testmodel.End, error) { return testmodel.End{}, fault },
		"no end":   func() (testmodel.End, error) { return testmodel.End{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := startInProcess(t, generator(func(_ context.Context, emit func(...string) error) (testmodel.End, error) {
				if err := emit("Once"); err != nil {
					return testmodel.End{}, err
				}
				return fail()
			}))
			for range 10 {
				events := c.Open(http.MethodPost, "/v1/models/generator/stream", `{}`).Rest()
				last := events[len(events)-1]
				if len(events) != 3 || events[1].Data != `{"text":"Once"}` || last.Type != "failed" || !strings.HasSuffix(last.LastEventID, "-2") ||
					!strings.Contains(last.Data, `"code":"internal"`) || strings.Contains(last.Data, "purpose") {
					t.Errorf("the reader received %v", events)
				}
				c.checkOpenAIStreamFails()
				if whole := c.Post("/v1/models/generator:predict", `{}`); whole.Status != http.StatusInternalServerError {
					t.Errorf("as a whole: %d %s", whole.Status, whole.Body)
				}
			}
		})
	}
}

// checkOpenAIStreamFails requests the same in OpenAI's dialect: an error event, no [DONE], and no
// clean end.
func (c client) checkOpenAIStreamFails() {
	c.Helper()
	s := c.Open(http.MethodPost, "/v1/chat/completions", `{"model":"generator","stream":true}`)
	if ev, err := s.Next(); err != nil || !strings.Contains(ev.Data, `"Once"`) {
		c.Errorf("first %v, %v", ev, err)
	}
	ev, err := s.Next()
	if err != nil || !strings.HasPrefix(ev.Data, `{"error":{"message":`) || strings.Contains(ev.Data, "purpose") {
		c.Errorf("then %v, %v", ev, err)
	}
	if ev, err := s.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		c.Errorf("at last %v, %v: the connection was not cut", ev, err)
	}
}

// A generator learns that its reader has disconnected from emit alone: it refuses the first word
// after that.
func TestDisconnectingStopsAGeneratorWithinOneToken(t *testing.T) {
	refused := make(chan error)
	c, _ := startInProcess(t, generator(func(ctx context.Context, emit func(...string) error) (testmodel.End, error) {
		if err := emit("Once"); err != nil {
			return testmodel.End{}, err
		}
		<-ctx.Done() // as a canceled run of the graph does
		err := emit("upon")
		refused <- err
		return testmodel.Stopped(), err
	}))
	for _, request := range []struct{ path, body string }{
		{"/v1/models/generator/stream", `{}`},
		{"/v1/chat/completions", `{"model":"generator","stream":true}`},
	} {
		s := c.Open(http.MethodPost, request.path, request.body)
		s.Until("")
		s.Close()
		if err := <-refused; !errors.Is(err, testmodel.ErrNoReader) {
			t.Errorf("%s: the word after that was accepted: %v", request.path, err)
		}
		c.WaitMetric(server.PermitsInUse, 0)
	}
}

// The same with the real model, from outside: its permit is released and no more chunks are
// generated.
func TestDisconnectingStopsSmolLM2(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1}"+bothModels)
	for i, request := range []struct{ path, body string }{
		{"/v1/models/smollm2/stream", endless},
		{"/v1/chat/completions", `{"model":"smollm2","stream":true,"max_tokens":8000,"logit_bias":{"0":-100,"2":-100},"messages":[{"role":"user","content":"Tell me everything about the sea."}]}`},
	} {
		s := c.Open(http.MethodPost, request.path, request.body)
		for range 3 {
			s.Until("")
		}
		s.Close()
		c.WaitMetric(server.PermitsInUse, 0)
		generated := c.Metric(chunks)
		c.WaitMetric(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(i+1))
		if r := c.Post("/v1/models/clip:predict", pixel); r.Status != http.StatusOK {
			t.Errorf("the permit is not released: %d %s", r.Status, r.Body)
		}
		if now := c.Metric(chunks); now != generated || generated > 1000 {
			t.Errorf("%s: %v chunks were generated, %v after the reader had disconnected", request.path, generated, now-generated)
		}
	}
}
