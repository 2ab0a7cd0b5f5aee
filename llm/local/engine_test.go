package local

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

// start asks a loaded engine's model for one of its verbs, with the request's bytes.
func start(t *testing.T, e *engine.Engine, model, verb, body string) (*engine.Stream, error) {
	t.Helper()
	return startInput(t, e, model, verb, engine.Input{Body: []byte(body)})
}

func startInput(t *testing.T, e *engine.Engine, model, verb string, in engine.Input) (*engine.Stream, error) {
	t.Helper()
	m, err := e.Model(model)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := m.Verb(verb)
	if !ok {
		t.Fatalf("no verb %q", verb)
	}
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		return nil, err
	}
	defer call.Close()
	return call.Start(context.Background(), in, engine.StreamOptions{})
}

func TestInTheEngine(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 2}})
	New(Options{Name: "tiny", Path: "testdata/tiny32", ONNX: library(t)}).Register(e)
	New(Options{Name: "broken", Path: "testdata/nowhere", ONNX: library(t)}).Register(e)
	<-e.Load(context.Background())
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})

	for verb, body := range map[string]string{
		"stream":   `{"prompt":"hi","max_tokens":5,"logit_bias":{"66":100}}`,
		"chat":     `{"model":"tiny",` + hi + `,"max_tokens":5,"logit_bias":{"66":100}}`,
		"complete": `{"model":"tiny","prompt":"<|user|>hi<|end|>","max_tokens":5,"logit_bias":{"66":100}}`,
	} {
		s, err := start(t, e, "tiny", verb, body)
		if err != nil {
			t.Fatal(err)
		}
		var chunks int
		var end engine.End
		for ev, err := range s.Follow(context.Background(), 0, 0) {
			if err != nil || ev.Kind == engine.EventFailed {
				t.Fatal(err, ev.Err)
			}
			if ev.Kind == engine.EventChunk && json.Valid(ev.Data) {
				chunks++
			}
			end = ev.End
		}
		if chunks < 5 || end.Reason() != engine.ReasonLength || end.Usage().CompletionTokens != 5 || end.Usage().PromptTokens < 4 {
			t.Errorf("%s: %d chunks, %+v", verb, chunks, end)
		}
	}

	_, err := start(t, e, "tiny", "stream", `{"prompt":"hi","temperature":9}`)
	if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeInvalidInput || known.Param != "temperature" {
		t.Errorf("a bad parameter: error %v before anything is queued, want invalid_input", err)
	}
	_, err = start(t, e, "broken", "stream", `{"prompt":"hi"}`)
	if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeModelFailed {
		t.Errorf("a model that is not there: error %v, want model_failed", err)
	}
	if s := e.Snapshot().Models[1]; s.State != engine.StateFailed || !strings.HasPrefix(s.Reason, "there is no model folder \"nowhere\": ") || s.Kind != Kind {
		t.Errorf("snapshot %+v", s)
	}
}

// A body that says it is no text is not read, whatever it holds; nobody else has to say what JSON is.
func TestTypesOfBodies(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1, Queue: 100}})
	New(Options{Name: "tiny", Path: "testdata/tiny32", ONNX: library(t)}).Register(e)
	<-e.Load(context.Background())
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	for verb, body := range map[string]string{
		"stream":    `{"prompt":"hi","max_tokens":1}`,
		"chat":      `{"model":"tiny",` + hi + `,"max_tokens":1}`,
		"complete":  `{"model":"tiny","prompt":"hi","max_tokens":1}`,
		"responses": `{"model":"tiny","input":"hi","max_output_tokens":16}`,
	} {
		for _, kind := range []string{"image/png", "IMAGE/svg+xml", "audio/wav", "video/mp4", "multipart/form-data; boundary=x", "multipart/mixed"} {
			_, err := startInput(t, e, "tiny", verb, engine.Input{ContentType: kind, Body: []byte(body)})
			if known := new(apierr.Error); !errors.As(err, &known) || known.Code != apierr.CodeUnsupportedMediaType || !strings.HasSuffix(known.Message, ": send application/json") {
				t.Errorf("%s as %s: error %v, want unsupported_media_type", verb, kind, err)
			}
		}
		for _, kind := range []string{"", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", "rubbish"} {
			s, err := startInput(t, e, "tiny", verb, engine.Input{ContentType: kind, Body: []byte(body)})
			if err != nil {
				t.Errorf("%s as %q: %v", verb, kind, err)
				continue
			}
			for ev, err := range s.Follow(context.Background(), 0, 0) {
				if err != nil || ev.Kind == engine.EventFailed {
					t.Errorf("%s as %q: %v, %v", verb, kind, err, ev.Err)
				}
			}
		}
	}
}
