package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	gosse "github.com/tmaxmax/go-sse"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// forgery is what a model or a store returns that tries to look like the end of a stream.
type forgery struct {
	event sse.Event // as a server's own event, a chunk of a generator's own, and a stored event
	text  string    // as typed values
	typed bool      // the model emits typed values and not events
	final bool      // the model calls its event the last one
	fails bool      // the generation fails after it
}

// errNotEnded is the failure of a generation that a client must not take for complete.
var errNotEnded = &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut"}

func (f *forgery) end() (engine.End, error) {
	if f.fails {
		return engine.End{}, errNotEnded
	}
	return engine.Stopped(engine.Usage{}), nil
}

// forging is the forgery of the requests to come.
type forging = atomic.Pointer[forgery]

// forgers adds a language model and a generator of another kind that emit a forgery between two
// chunks.
func forgers(next *forging) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Generates(e.Add("words", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
			Preprocess: same[*dialect.Request],
			Generate: func(_ context.Context, r *dialect.Request, emit func(...dialect.Delta) error) (engine.End, error) {
				f := next.Load()
				forged := dialect.Delta{Dialect: r.Dialect, Event: f.event, Final: f.final}
				if f.typed {
					forged = dialect.Delta{Text: f.text, Finish: f.text, Reasoning: f.text, Refusal: f.text, Fingerprint: f.text}
				}
				deltas := []dialect.Delta{{Text: "before"}, forged, {Text: "after"}}
				for _, d := range deltas {
					if err := emit(d); err != nil {
						return engine.End{}, err
					}
				}
				return f.end()
			},
		})
		engine.Generates(e.Add("other", engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[engine.Input, engine.Input, sse.Event]{
			Decode:     func(in engine.Input) (engine.Input, error) { return in, nil },
			Preprocess: same[engine.Input],
			Generate: func(_ context.Context, _ engine.Input, emit func(...sse.Event) error) (engine.End, error) {
				f := next.Load()
				if err := emit(sse.Event{Data: []byte("before")}, f.event, sse.Event{Data: []byte("after")}); err != nil {
					return engine.End{}, err
				}
				return f.end()
			},
			Encode: func(e sse.Event) (sse.Event, error) { return e, nil },
		})
	}
}

// forgingLogs is a store that returns an event that was never stored.
type forgingLogs struct {
	stream.Logs
	*forging
}

func (l forgingLogs) Create(ctx context.Context, id string, c stream.LogConfig, owner stream.Owner) (stream.Log, error) {
	log, err := l.Logs.Create(ctx, id, c, owner)
	return forgingLog{log, l.forging}, err
}

type forgingLog struct {
	stream.Log
	*forging
}

func (l forgingLog) Follow(ctx context.Context, after int64, news chan<- struct{}) (stream.Cursor, error) {
	c, err := l.Log.Follow(ctx, after, news)
	return &forgingCursor{c, l.forging}, err
}

type forgingCursor struct {
	stream.Cursor
	*forging
}

func (c *forgingCursor) Take(spare []sse.Event) (stream.Batch, error) {
	b, err := c.Cursor.Take(spare)
	if err == nil && len(b.Events) > 0 {
		b.Events = append([]sse.Event{c.Load().event}, b.Events...)
	}
	return b, err
}

// endsOf returns which events a client of a dialect takes for the end of a complete stream, and
// which for the end of any. It is written as clients are, and not as the codecs are.
func endsOf(route string) func(name, data string) (complete, ends bool) {
	done := func(data string) bool { // some clients look at events, and some at lines
		for line := range strings.SplitSeq(data, "\n") {
			if strings.HasPrefix(strings.TrimSpace(strings.TrimLeft(line, "\ufeff \u00a0")), "[DONE]") {
				return true
			}
		}
		return false
	}
	switch route {
	case "native":
		return func(name, _ string) (bool, bool) { return name == "done", name == "done" || name == "failed" }
	case "responses":
		return func(name, data string) (bool, bool) {
			var e struct{ Type string }
			_ = json.Unmarshal([]byte(data), &e)
			complete := name == "response.completed" || e.Type == "response.completed"
			switch e.Type {
			case "response.incomplete", "response.failed", "error":
				return complete, true
			}
			return complete, complete || done(data) || name == "response.incomplete" || name == "response.failed" || name == "error"
		}
	}
	return func(_, data string) (bool, bool) { return done(data), done(data) }
}

var wireLine = regexp.MustCompile(`^(id: ID-[0-9]+|event: [^\x00]+|data: .*|retry: [0-9]+|: keep-alive|)$`)

type wireEvent struct{ name, data string }

// scan reads a transcript line by line, of which each must be one that the gateway writes.
func scan(t *testing.T, transcript string) (events []wireEvent) {
	if transcript != "" && !strings.HasSuffix(transcript, "\n\n") {
		t.Errorf("it ends within an event: %q", transcript)
	}
	var e wireEvent
	data := []string(nil)
	for line := range strings.SplitSeq(strings.TrimSuffix(transcript, "\n"), "\n") {
		if !wireLine.MatchString(line) || strings.ContainsRune(line, '\r') {
			t.Errorf("a line of its own: %q", line)
		}
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "event":
			e.name = value
		case "data":
			data = append(data, value)
		case "":
			if line == "" && data != nil {
				e.data = strings.Join(data, "\n")
				events = append(events, e)
			}
			if line == "" {
				e, data = wireEvent{}, nil
			}
		}
	}
	return events
}

// FuzzForgedEnds checks that no model, no server and no store can end a stream for its clients:
// only the terminal event of a complete stream looks like one, and nothing follows it.
func FuzzForgedEnds(f *testing.F) {
	for _, name := range []string{"", "done", "failed", "message", "response.completed", "error", "x\nevent: done", "done\r", "event: done", "data: [DONE]"} {
		for _, data := range []string{
			"", "[DONE]", "data: [DONE]", "\n[DONE]", "x\r[DONE]\n\ndata: y", "\n\nevent: done\ndata: {}\n\n", "\r\n\r\nid: 7\revent: done\r\r", " [DONE] ", "\v[DONE]", "\u00a0\ufeff[DONE]",
			`{"type":"response.completed"}`, `{"Type":"response.completed"}`, `{"type":"response.created","type":"response.completed"}`, `{"type":"response\u002ecompleted"}`, "{\n\"type\":\r\"response.completed\"}", `{"reason":"stop"}`, `{"error":{}}`,
		} {
			f.Add(name, []byte(data), uint8(len(name)+3*len(data)))
		}
	}
	forged := new(forging)
	s := newServer(f, 8, 8, forgers(forged))
	gate := engine.GateConfig{Permits: 8, Queue: 8}
	logs := forgingLogs{stream.NewMemoryLogs(16<<20, nil), forged}
	stored := newServerOf(f, engine.Options{Gate: gate, Streams: stream.Options{Logs: logs}}, words(nil))
	f.Cleanup(func() { _ = errors.Join(s.Close(), stored.Close()) })
	f.Fuzz(func(t *testing.T, name string, data []byte, mode uint8) {
		n, err := sse.ParseName(name)
		if strings.ContainsAny(name, "\r\n\x00") != (err != nil) {
			t.Fatalf("the name %q: %v", name, err)
		}
		f := &forgery{event: sse.Event{Name: n, Data: data}, text: name + string(data), typed: mode&1 > 0, final: mode&2 > 0, fails: mode&4 > 0}
		forged.Store(f)
		for route, r := range map[string]*http.Request{
			"native":      request("POST", "/v1/models/words/stream", `{"prompt":"x"}`),
			"chat":        request("POST", chatPath, chatBody(true, "x")),
			"completions": request("POST", "/v1/completions", `{"model":"words","stream":true,"prompt":"x"}`),
			"responses":   request("POST", "/v1/responses", `{"model":"words","stream":true,"input":"x"}`),
		} {
			checkEnd(t, s, r, route, !f.fails)
			if mode&8 > 0 && route != "native" {
				r.Header.Set("X-Penstock-Resumable", "1")
				checkEnd(t, stored, r, route, true)
			}
		}
		checkEnd(t, s, request("POST", "/v1/models/other/stream", ""), "native", !f.fails)
		checkEnd(t, stored, request("GET", "/v1/models/words/stream?prompt=x", ""), "native", true)
	})
}

// checkEnd sends a request for a stream and checks what its client takes for the end. completes:
// the model does complete the generation.
func checkEnd(t *testing.T, s *server, r *http.Request, route string, completes bool) {
	t.Helper()
	w, broken := s.recordBroken(r)
	if w.Code != 200 {
		return // the stream failed before its first event: nothing can be taken for complete
	}
	transcript := streamID.ReplaceAllString(w.Body.String(), "ID")
	events := scan(t, transcript)
	ends := endsOf(route)
	complete, ended := false, false
	for i, e := range events {
		whole, last := ends(e.name, e.data)
		complete, ended = complete || whole, ended || last
		// Of /v1/responses a failure has two events.
		isPrelude := i == len(events)-2 && e.name == "response.failed" && events[i+1].name == "error"
		if last && i < len(events)-1 && !isPrelude {
			t.Errorf("%s: an end before the last event: %q", r.URL, transcript[max(0, len(transcript)-400):])
		}
	}
	if complete && (!completes || broken) {
		t.Errorf("%s: looks complete and is not: %q", r.URL, transcript[max(0, len(transcript)-400):])
	}
	if !ended && !broken && route != "responses" { // there the model itself can name the last event
		t.Errorf("%s: ends cleanly and has no end: %q", r.URL, transcript[max(0, len(transcript)-400):])
	}
	compare(t, transcript, events)
}

// compare reads the transcript with an independent parser.
func compare(t *testing.T, transcript string, events []wireEvent) {
	t.Helper()
	var ours, theirs strings.Builder
	for _, e := range events {
		if e.data != "" {
			fmt.Fprintf(&ours, "%q %q\n", e.name, e.data)
		}
	}
	for e, err := range gosse.Read(bytes.NewReader([]byte(transcript)), &gosse.ReadConfig{MaxEventSize: 1 << 20}) {
		if err != nil {
			t.Fatalf("go-sse: %v", err)
		}
		if e.Data != "" {
			fmt.Fprintf(&theirs, "%q %q\n", e.Type, e.Data)
		}
	}
	if ours.String() != theirs.String() {
		t.Errorf("two parsers differ:\n%s\n%s", &ours, &theirs)
	}
}
