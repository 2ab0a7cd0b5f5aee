package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
)

// A verb that no route reaches is a mistake of the program, and is refused when it is registered.
func TestAVerbThatNoRouteReachesIsRefused(t *testing.T) {
	predictor := engine.Predictor[int, int, int, int]{Preprocess: same[int], Predict: same[int], Postprocess: same[int]}
	generator := engine.Generator[int, int, int]{
		Preprocess: same[int],
		Generate:   func(context.Context, int, func(...int) error) (engine.End, error) { return engine.End{}, nil },
	}
	refused := func(name string, register func(*engine.Model)) {
		defer func() {
			if p := recover(); !strings.Contains(fmt.Sprint(p), "no route reaches") {
				t.Errorf("%s: panic %v", name, p)
			}
		}()
		newServer(t, 1, 1, func(e *engine.Engine) { register(e.Add("m", engine.Lifecycle{})) })
		t.Errorf("%s was taken", name)
	}
	for _, verb := range []string{"chat", "Predict", "predict ", "generate", "embed", "rank", "infer", "stream"} {
		refused("predictor "+verb, func(m *engine.Model) { engine.Predicts(m, verb, predictor) })
	}
	for _, verb := range []string{"complete", "responses", "generate", "embed", "rank", "infer", "predict"} {
		refused("generator "+verb, func(m *engine.Model) { engine.Generates(m, verb, generator) })
	}
	refused("generator of text", func(m *engine.Model) {
		engine.Generates(m, "generate", engine.Generator[*dialect.Request, int, string]{
			Preprocess: func(context.Context, *dialect.Request) (int, error) { return 0, nil },
			Generate:   func(context.Context, int, func(...string) error) (engine.End, error) { return engine.End{}, nil },
		})
	})
}

// A generator with input and chunks of its own is reached by the native routes, without a Decode or
// an Encode.
func TestAGeneratorWithItsOwnInputAndChunks(t *testing.T) {
	s := newServer(t, 4, 1, counter)
	const want = `id: ID-0
retry: 2000

event: started
data: {"model":"counter"}

id: ID-1
data: {"n":1}

id: ID-2
data: {"n":2}

id: ID-3
event: done
data: {"reason":"length","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}

`
	_, detached := createOf(t, s, "counter", `{"to":2}`)
	for name, r := range map[string]struct{ method, path, body string }{
		"a body":            {"POST", "/v1/models/counter/stream", `{"to":2}`},
		"a query":           {"GET", "/v1/models/counter/stream?to=2", ""},
		"a detached stream": {"GET", detached, ""},
	} {
		w := s.record(request(r.method, r.path, r.body))
		if got := streamID.ReplaceAllString(w.Body.String(), "ID"); w.Code != 200 || got != want {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
	}
	for path, want := range map[string]string{
		"?to=two":        "invalid_input",
		"?to=2&upto=3":   "invalid_input",
		"?to=2&to=3":     "invalid_input",
		"?to=2&%ff=%ff":  "invalid_input",
		"?to=2;word=one": "invalid_input",
	} {
		w := s.record(request("GET", "/v1/models/counter/stream"+path, ""))
		if got := code(t, w.Body); w.Code != 400 || got != want {
			t.Errorf("%s: %d %s", path, w.Code, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Chunks can be collected if they have a text, and else there is no whole result to return.
func TestCollectingChunksWithoutTextIsNotAcceptable(t *testing.T) {
	s := newServer(t, 1, 1, counter)
	for _, r := range []struct{ method, path, body string }{
		{"POST", "/v1/models/counter:predict", `{"to":2}`},
		{"POST", "/v1/models/counter/stream", `{"to":2}`},
		{"GET", "/v1/models/counter/stream?to=2", ""},
	} {
		w := s.record(request(r.method, r.path, r.body, "Accept", "application/json"))
		if got := code(t, w.Body); w.Code != 406 || got != "not_acceptable" {
			t.Errorf("%s %s: %d %s", r.method, r.path, w.Code, got)
		}
	}
	w := s.record(request("POST", "/v1/models/counter:predict", `{"to":2,"word":"ha"}`))
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"output":"haha","reason":"length"`) {
		t.Errorf("with a text: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
