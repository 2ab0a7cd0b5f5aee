package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

// A verb without a Decode reads a query by the types of its input's fields.
func TestInputFromParameters(t *testing.T) {
	type base struct {
		ID *int64 `json:"id,omitempty"`
	}
	type input struct {
		base
		Text   string   `json:"text"`
		Ratio  float64  `json:"ratio"`
		On     bool     `json:"on"`
		Tags   []string `json:"tags"`
		Sizes  []int    `json:"sizes"`
		More   any      `json:"more,omitempty"`
		Hidden string   `json:"-"`
		secret string   //nolint:unused // fields that are not exported are no parameters
		Plain  string
	}
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	m := e.Add("m", engine.Lifecycle{})
	engine.Predicts(m, "struct", engine.Predictor[input, input, input, input]{Preprocess: same[input], Predict: same[input], Postprocess: same[input]})
	engine.Predicts(m, "pointer", engine.Predictor[*input, *input, *input, *input]{Preprocess: same[*input], Predict: same[*input], Postprocess: same[*input]})
	engine.Predicts(m, "number", engine.Predictor[int, int, int, int]{Preprocess: same[int], Predict: same[int], Postprocess: same[int]})
	predict := func(verb, query string) (engine.Output, error) {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := m.Verb(verb)
		call, err := v.Admit(engine.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		defer call.Close()
		return call.Predict(context.Background(), engine.Input{Parameters: values})
	}
	for query, want := range map[string]input{
		"":                         {},
		"text=5&ratio=0.5&on=true": {Text: "5", Ratio: 0.5, On: true},
		`text=%22quoted%22`:        {Text: `"quoted"`},
		"tags=a&tags=1&sizes=1&sizes=2&Plain=%0A": {Tags: []string{"a", "1"}, Sizes: []int{1, 2}, Plain: "\n"},
		"id=9007199254740993":                     {base: base{ID: ptr(int64(9007199254740993))}},
		"more={}":                                 {More: map[string]any{}},
	} {
		for _, verb := range []string{"struct", "pointer"} {
			out, err := predict(verb, query)
			b, merr := json.Marshal(want)
			if err != nil || merr != nil || string(out.Body) != string(b) {
				t.Errorf("%s, %q: %s, %v; want %s", verb, query, out.Body, err, b)
			}
		}
	}
	for query, param := range map[string]string{
		"txt=a": "txt", "TEXT=a": "TEXT", "text=a&text=b": "text", "text=%ff": "text", "Hidden=x": "Hidden", "secret=x": "secret", "base=x": "base", "-=x": "-",
		"ratio=half": "", "on=1": "", "sizes=1&sizes=x": "", "id=1.5": "",
	} {
		_, err := predict("struct", query)
		if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Code != apierr.CodeInvalidInput || e.Reason != "bad_query" || e.Param != param {
			t.Errorf("%q: %v", query, err)
		}
	}
	if _, err := predict("number", "n=1"); apierr.From(err).Code != apierr.CodeInvalidInput {
		t.Errorf("an input that is no struct: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func same[T any](_ context.Context, v T) (T, error) { return v, nil }

func ptr[T any](v T) *T { return &v }
