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
)

// done is what the event done says.
type done struct {
	Reason string
	Usage  struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		TotalTokens      int `json:"total_tokens"`
	}
}

// An independent parser reads a stream of the real model's, asked for in both ways.
func TestEveryEventOfAStream(t *testing.T) {
	c, _ := start(t, "streams: {retry: 2m}"+bothModels) // the stream must be there until a slow machine asks for it again
	query := url.Values{"prompt": {"Write a poem about the sea."}, "max_tokens": {"24"}, "seed": {"7"}}
	for name, s := range map[string]*stream{
		"POST": c.Open(http.MethodPost, "/v1/models/smollm2/stream", `{"prompt":"Write a poem about the sea.","max_tokens":24,"seed":7}`),
		"GET":  c.Open(http.MethodGet, "/v1/models/smollm2/stream?"+query.Encode(), ""),
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.header.Get("Content-Type") + "|" + s.header.Get("Cache-Control") + "|" + s.header.Get("X-Accel-Buffering"); got != "text/event-stream; charset=utf-8|no-cache, no-transform|no" {
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
				t.Errorf("done says %s", last.Data)
			}
			if whole := c.Post("/v1/models/smollm2:predict", `{"prompt":"Write a poem about the sea.","max_tokens":24,"seed":7}`); !strings.Contains(whole.body, `"output":`+quoted(t, text)) {
				t.Errorf("the same seed gave %q in a stream, and whole: %s", text, whole.body)
			}
			// What an EventSource does that has read all and is not closed: it is told to stop, and nothing runs again.
			if again := c.Do(http.MethodGet, "/v1/models/smollm2/stream?"+query.Encode(), "", "Last-Event-ID", last.LastEventID); name == "GET" && (again.status != http.StatusNoContent || again.body != "") {
				t.Errorf("reconnecting after the end: %d %s", again.status, again.body)
			}
		})
	}
	if n := c.Metric(`penstock_streams_total{model="smollm2",outcome="done"}`); n != 4 {
		t.Errorf("%v streams ran", n)
	}

	// OpenAI's dialect by the same parser: the chunks of one server.Response, and [DONE] at the very end.
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

// quoted is text as the gateway writes it into JSON.
func quoted(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A generator that breaks after its first word: the reader is told so, the permit is back, the next request gets it.
func TestAGeneratorThatBreaksFailsItsStreamOnly(t *testing.T) {
	fault := errors.New("on purpose")
	for name, breaks := range map[string]func() (engine.End, error){
		"a panic":  func() (engine.End, error) { panic(fault) },
		"an error": func() (engine.End, error) { return engine.End{}, fault },
		"no end":   func() (engine.End, error) { return engine.End{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := within(t, 1, 1, unwatched, addWriter(func(_ context.Context, say emit) (engine.End, error) {
				if err := say("Once"); err != nil {
					return engine.End{}, err
				}
				return breaks()
			}))
			for range 10 {
				events := c.Open(http.MethodPost, "/v1/models/writer/stream", `{}`).Rest()
				last := events[len(events)-1]
				if len(events) != 3 || events[1].Data != `{"text":"Once"}` || last.Type != "failed" || !strings.HasSuffix(last.LastEventID, "-2") ||
					!strings.Contains(last.Data, `"code":"internal"`) || strings.Contains(last.Data, "purpose") {
					t.Errorf("the reader was told %v", events)
				}
				c.openAIFails()
				if whole := c.Post("/v1/models/writer:predict", `{}`); whole.status != http.StatusInternalServerError {
					t.Errorf("as a whole: %d %s", whole.status, whole.body)
				}
			}
		})
	}
}

// openAIFails asks for the same in OpenAI's dialect: an error event, no [DONE], and no clean end.
func (c client) openAIFails() {
	c.Helper()
	s := c.Open(http.MethodPost, "/v1/chat/completions", `{"model":"writer","stream":true}`)
	if ev, err := s.Next(); err != nil || !strings.Contains(ev.Data, `"Once"`) {
		c.Errorf("first %v, %v", ev, err)
	}
	ev, err := s.Next()
	if err != nil || !strings.HasPrefix(ev.Data, `{"error":{"message":`) || strings.Contains(ev.Data, "purpose") {
		c.Errorf("then %v, %v", ev, err)
	}
	if ev, err := s.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		c.Errorf("at last %v, %v: not an end that is broken off", ev, err)
	}
}

// A generator that is told nothing but what saying a word tells it: the first word after its reader has left is refused.
func TestLeavingStopsAGeneratorWithinOneToken(t *testing.T) {
	refused := make(chan error)
	h, _ := within(t, 1, 1, unwatched, addWriter(func(ctx context.Context, say emit) (engine.End, error) {
		if err := say("Once"); err != nil {
			return engine.End{}, err
		}
		<-ctx.Done() // as a run of the graph does that is cancelled
		err := say("upon")
		refused <- err
		return engine.Stopped(engine.Usage{}), err
	}))
	for _, way := range []struct{ path, body string }{
		{"/v1/models/writer/stream", `{}`},
		{"/v1/chat/completions", `{"model":"writer","stream":true}`},
	} {
		s := c.Open(http.MethodPost, way.path, way.body)
		s.Until("")
		s.Close()
		if err := <-refused; !errors.Is(err, engine.ErrNobodyReads) {
			t.Errorf("%s: the word after was taken: %v", way.path, err)
		}
		c.WaitMetric(server.PermitsInUse, 0)
	}
}

// The same with the real model, from outside: its permit comes back and no more chunks are made.
func TestLeavingStopsSmolLM2(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1}"+bothModels)
	for i, way := range []struct{ path, body string }{
		{"/v1/models/smollm2/stream", endless},
		{"/v1/chat/completions", `{"model":"smollm2","stream":true,"max_tokens":8000,"logit_bias":{"0":-100,"2":-100},"messages":[{"role":"user","content":"Tell me everything about the sea."}]}`},
	} {
		s := c.Open(http.MethodPost, way.path, way.body)
		for range 3 {
			s.Until("")
		}
		s.Close()
		c.WaitMetric(server.PermitsInUse, 0)
		made := c.Metric(chunks)
		c.WaitMetric(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(i+1))
		if a := c.Post("/v1/models/clip:predict", pixel); a.Status != http.StatusOK {
			t.Errorf("the permit is not to be had: %d %s", a.Status, a.Body)
		}
		if now := c.Metric(chunks); now != made || made > 1000 {
			t.Errorf("%s: %v chunks were made, %v after the reader had left", way.path, made, now-made)
		}
	}
}
