package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
	"penstock/tokenizer"
)

// forced returns a request's bias towards a token that ends the completion: without anything else
// it is the first one chosen.
func forced(t *testing.T, m *Model) string {
	t.Helper()
	for id := range m.stops {
		return fmt.Sprintf(`"temperature":0,"logit_bias":{"%d":100}`, id)
	}
	t.Fatal("the model has no end")
	return ""
}

func TestTheEndTokenIsIgnored(t *testing.T) {
	m := tiny(t, "tiny32")
	end := forced(t, m)
	for _, c := range []struct {
		more   string
		reason string
		tokens int
	}{
		{``, engine.ReasonStop, 1},
		{`,"ignore_eos":false`, engine.ReasonStop, 1},
		{`,"ignore_eos":true`, engine.ReasonLength, 7},
		{`,"min_tokens":0`, engine.ReasonStop, 1},
		{`,"min_tokens":4`, engine.ReasonStop, 6}, // what the fifth is this model is too sure of
		{`,"min_tokens":7`, engine.ReasonLength, 7},
		{`,"min_tokens":3,"ignore_eos":true`, engine.ReasonLength, 7},
	} {
		_, got := complete(t, m, `{"prompt":"hi","max_tokens":7,`+end+c.more+`}`)
		if got.Reason() != c.reason || got.Usage().CompletionTokens != c.tokens {
			t.Errorf("%s: %s after %d tokens, want %s after %d", c.more, got.Reason(), got.Usage().CompletionTokens, c.reason, c.tokens)
		}
	}
	// Without max_tokens only the context ends it.
	segments, got := complete(t, m, `{"prompt":"hi","ignore_eos":true,`+end+`}`)
	if got.Reason() != engine.ReasonLength || got.Usage().PromptTokens+got.Usage().CompletionTokens != m.context {
		t.Errorf("%s after %+v, want all of the context of %d", got.Reason(), got.Usage(), m.context)
	}
	if text := textOf(segments); text != "" {
		t.Errorf("the ends are spelled out: %q", text)
	}
}

// Each dialect has the parameters, and each name of the seed is one.
func TestEveryDialectHasThem(t *testing.T) {
	m := tiny(t, "tiny32")
	for name, prompt := range map[dialect.Name]string{
		dialect.Chat: `"model":"m",` + hi, dialect.Completions: `"model":"m","prompt":"p"`, dialect.Responses: `"model":"m","input":"p"`, dialect.Native: `"prompt":"p"`,
	} {
		for _, seed := range []string{"seed", "random_seed"} {
			_, j := prepare(t, m, name, `{`+prompt+`,"ignore_eos":true,"min_tokens":3,"`+seed+`":11}`)
			if !j.ignoreEOS || j.minTokens != 3 || j.seed != 11 {
				t.Errorf("%s, %s: %+v", name, seed, j.parameters)
			}
		}
	}
}

// A stop string counts once min_tokens have been generated, wherever its like came before.
func TestStopStringsWaitForMinTokens(t *testing.T) {
	m := tiny(t, "tiny32")
	const request = `{"prompt":"hi","temperature":0,"max_tokens":12`
	segments, _ := complete(t, m, request+`}`)
	whole := textOf(segments)
	if len(whole) < 12 {
		t.Fatalf("%q has too little text", whole)
	}
	stop, _ := json.Marshal(whole[len(whole)-1:])
	segments, end := complete(t, m, request+`,"stop":`+string(stop)+`}`)
	if got := textOf(segments); got != whole[:strings.Index(whole, whole[len(whole)-1:])] || end.Reason() != engine.ReasonStop {
		t.Fatalf("stop %s: %q and %s, of %q", stop, got, end.Reason(), whole)
	}
	segments, end = complete(t, m, request+`,"min_tokens":12,"stop":`+string(stop)+`}`)
	if got := textOf(segments); end.Usage().CompletionTokens != 12 || end.Reason() != engine.ReasonLength {
		t.Errorf("with min_tokens: %q after %d tokens, want %q after 12", got, end.Usage().CompletionTokens, whole)
	}
	// Of the text after them it is cut off.
	b := newTextBuilder(m.tokenizer, []string{"ab"}, 2)
	var text strings.Builder
	for i, token := range []string{"a", "b", "a", "b"} {
		ids, err := m.encode(prompt{}, token, tokenizer.EncodeOptions{})
		if err != nil || len(ids) != 1 {
			t.Fatal(ids, err)
		}
		s, stopped := b.add(ids[0])
		text.WriteString(s.text)
		if stopped != (i == 3) {
			t.Errorf("after %d tokens: stopped is %v", i+1, stopped)
		}
	}
	if text.String() != "ab" {
		t.Errorf("the text is %q", text.String())
	}
}

// -1 is what some tools write where a model has no end of its own.
func TestAnEndOfMinusOneIsNone(t *testing.T) {
	want := tiny(t, "tiny32").stops
	for _, given := range []string{`-1`, `[-1]`, `null`, `[]`} {
		dir := copyOf(t, "testdata/tiny32", generation(`"eos_token_id":`+given))
		m := load(t, Options{Name: "tiny", Path: dir})
		if len(want) == 0 || fmt.Sprint(m.stops) != fmt.Sprint(want) {
			t.Errorf("%s: ends %v, want those without it, %v", given, m.stops, want)
		}
		r, err := decode(dialect.Native, `{"prompt":"hi"}`)
		if err == nil {
			_, err = m.preprocess(context.Background(), r)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
