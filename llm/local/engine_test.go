package local

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// admitted is a decoded request inside a loaded model's gate.
type admitted struct {
	*engine.Generation[*dialect.Request, dialect.Delta]
	call    *engine.Call
	request *dialect.Request
}

// admit admits a request to the gate of an engine's model, and decodes it.
func admit(t *testing.T, e *engine.Engine, model string, name dialect.Name, in dialect.Input) (a admitted, err error) {
	t.Helper()
	m, err := e.Model(model)
	if err != nil {
		t.Fatal(err)
	}
	g, ok := engine.GenerationOf[*dialect.Request, dialect.Delta](m, "generate")
	if !ok {
		t.Fatal("no verb generate")
	}
	a.Generation = g
	if a.call, err = g.Admit(engine.Caller{}); err != nil {
		return a, err
	}
	if a.request, err = codecs[name].Decode(in); err != nil {
		a.call.Close()
	}
	return a, err
}

func (a admitted) start() (*stream.Stream, error) {
	defer a.call.Close()
	enc := encoder{codecs[a.request.Dialect].Stream(a.request)}
	return a.Start(context.Background(), a.call, a.request, enc, engine.StreamOptions{Dialect: string(a.request.Dialect)})
}

func (a admitted) run() (engine.End, error) {
	defer a.call.Close()
	return a.Run(context.Background(), a.call, a.request, func(...dialect.Delta) error { return nil })
}

func body(s string) dialect.Input { return dialect.Input{Body: []byte(s)} }

// recorder is a reader that keeps what it is sent.
type recorder struct {
	events   []sse.Event
	terminal stream.Terminal
}

func (r *recorder) Notice(stream.Notice, bool) bool { return true }

func (r *recorder) Events(events []sse.Event, _ int64, _ bool) bool {
	for _, e := range events {
		r.events = append(r.events, sse.Event{Name: e.Name, Data: append([]byte(nil), e.Data...)})
	}
	return true
}

func (r *recorder) End(t stream.Terminal, _ int64) bool {
	r.terminal = t
	return true
}

func (r *recorder) Ready(int) bool { return true }

func TestInTheEngine(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 2, Queue: 10}})
	New(Options{Name: "tiny", Path: "testdata/tiny32", ONNX: library(t)}).Register(e)
	New(Options{Name: "broken", Path: "testdata/nowhere", ONNX: library(t)}).Register(e)
	<-e.Load(context.Background())
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})

	for name, text := range map[dialect.Name]string{
		dialect.Native:      `{"prompt":"hi","max_tokens":5,"logit_bias":{"66":100}}`,
		dialect.Chat:        `{"model":"tiny",` + hi + `,"max_tokens":5,"logit_bias":{"66":100}}`,
		dialect.Completions: `{"model":"tiny","prompt":"<|user|>hi<|end|>","max_tokens":5,"logit_bias":{"66":100}}`,
	} {
		a, err := admit(t, e, "tiny", name, body(text))
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.start()
		if err != nil {
			t.Fatal(err)
		}
		var got recorder
		if err := s.Serve(context.Background(), 0, 0, &got); err != nil || got.terminal.Outcome != stream.OutcomeDone {
			t.Fatal(err, got.terminal)
		}
		chunks := 0
		for _, e := range got.events {
			if json.Valid(e.Data) {
				chunks++
			}
		}
		if a, err = admit(t, e, "tiny", name, body(text)); err != nil {
			t.Fatal(err)
		}
		end, err := a.run()
		if err != nil || chunks < 5 || end.Reason() != engine.ReasonLength || end.Usage().CompletionTokens != 5 || end.Usage().PromptTokens < 4 {
			t.Errorf("%s: %d chunks, %+v, %v", name, chunks, end, err)
		}
	}

	for _, start := range []func(admitted) error{
		func(a admitted) error { _, err := a.start(); return err },
		func(a admitted) error { _, err := a.run(); return err },
	} {
		a, err := admit(t, e, "tiny", dialect.Native, body(`{"prompt":"hi","temperature":9}`))
		if err != nil {
			t.Fatal(err)
		}
		err = start(a)
		if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeInvalidInput || known.Param != "temperature" {
			t.Errorf("a bad parameter: error %v before anything is queued, want invalid_input", err)
		}
	}
	_, err := admit(t, e, "broken", dialect.Native, body(`{"prompt":"hi"}`))
	if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeModelFailed {
		t.Errorf("a model that is not there: error %v, want model_failed", err)
	}
	if s := e.Snapshot().Models[1]; s.State != engine.StateFailed || !strings.HasPrefix(s.Reason, "there is no model folder \"nowhere\": ") || s.Kind != Kind {
		t.Errorf("snapshot %+v", s)
	}
}

// A body that is named as something other than text is not read, whatever it holds; curl names JSON
// a form.
func TestMediaTypesOfBodies(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1, Queue: 100}})
	New(Options{Name: "tiny", Path: "testdata/tiny32", ONNX: library(t)}).Register(e)
	<-e.Load(context.Background())
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, text := range map[dialect.Name]string{
		dialect.Native:      `{"prompt":"hi","max_tokens":1}`,
		dialect.Chat:        `{"model":"tiny",` + hi + `,"max_tokens":1}`,
		dialect.Completions: `{"model":"tiny","prompt":"hi","max_tokens":1}`,
		dialect.Responses:   `{"model":"tiny","input":"hi","max_output_tokens":16}`,
	} {
		request := func(mediaType string) (*stream.Stream, error) {
			a, err := admit(t, e, "tiny", name, dialect.Input{Body: []byte(text), MediaType: mediaType})
			if err != nil {
				return nil, err
			}
			return a.start()
		}
		for _, kind := range []string{"image/png", "IMAGE/svg+xml", "audio/wav", "video/mp4", "multipart/form-data; boundary=x", "multipart/mixed"} {
			_, err := request(kind)
			if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeUnsupportedMediaType || !strings.HasSuffix(known.Message, ": send application/json") {
				t.Errorf("%s as %s: error %v, want unsupported_media_type", name, kind, err)
			}
		}
		for _, kind := range []string{"", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", "nonsense"} {
			s, err := request(kind)
			if err != nil {
				t.Errorf("%s as %q: %v", name, kind, err)
				continue
			}
			var got recorder
			if err := s.Serve(context.Background(), 0, 0, &got); err != nil || got.terminal.Outcome != stream.OutcomeDone {
				t.Errorf("%s as %q: %v, %+v", name, kind, err, got.terminal)
			}
		}
	}
}
