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

// admit decodes a request, and admits it to the gate of an engine's model.
func admit(t *testing.T, e *engine.Engine, model string, name dialect.Name, body string) (a admitted, err error) {
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
	t.Cleanup(a.call.Close)
	if a.request, err = decode(name, body); err != nil {
		t.Fatal(err)
	}
	return a, nil
}

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

	for name, body := range map[dialect.Name]string{
		dialect.Native:      `{"prompt":"hi","max_tokens":5,"logit_bias":{"66":100}}`,
		dialect.Chat:        `{"model":"tiny",` + hi + `,"max_tokens":5,"logit_bias":{"66":100}}`,
		dialect.Completions: `{"model":"tiny","prompt":"<|user|>hi<|end|>","max_tokens":5,"logit_bias":{"66":100}}`,
	} {
		a, err := admit(t, e, "tiny", name, body)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Start(context.Background(), a.call, a.request, encoder{codec(name).Stream(a.request)}, engine.StreamOptions{Dialect: string(name)})
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
		if a, err = admit(t, e, "tiny", name, body); err != nil {
			t.Fatal(err)
		}
		end, err := a.Run(context.Background(), a.call, a.request, func(...dialect.Delta) error { return nil })
		if err != nil || chunks < 5 || end.Reason() != engine.ReasonLength || end.Usage().CompletionTokens != 5 || end.Usage().PromptTokens < 4 {
			t.Errorf("%s: %d chunks, %+v, %v", name, chunks, end, err)
		}
	}

	a, err := admit(t, e, "tiny", dialect.Native, `{"prompt":"hi","temperature":9}`)
	if err != nil {
		t.Fatal(err)
	}
	_, started := a.Start(context.Background(), a.call, a.request, encoder{codec(dialect.Native).Stream(a.request)}, engine.StreamOptions{})
	_, ran := a.Run(context.Background(), a.call, a.request, func(...dialect.Delta) error { return nil })
	for _, err := range []error{started, ran} {
		if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeInvalidInput || known.Param != "temperature" {
			t.Errorf("a bad parameter: error %v before anything is queued, want invalid_input", err)
		}
	}
	_, err = admit(t, e, "broken", dialect.Native, `{"prompt":"hi"}`)
	if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeModelFailed {
		t.Errorf("a model that is not there: error %v, want model_failed", err)
	}
	if s := e.Snapshot().Models[1]; s.State != engine.StateFailed || !strings.HasPrefix(s.Reason, "there is no model folder \"nowhere\": ") || s.Kind != Kind {
		t.Errorf("snapshot %+v", s)
	}
}
