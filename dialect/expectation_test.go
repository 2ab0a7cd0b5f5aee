package dialect_test

import (
	"net/url"
	"strings"
	"testing"

	"penstock/dialect"
)

func TestExpectations(t *testing.T) {
	picture := `"data:image/png;base64,` + strings.Repeat("A", 4000) + `"`
	chat, completions, responses, native := dialect.NewChat(), dialect.NewCompletions(), dialect.NewResponses(), dialect.NewNative()
	for _, c := range []struct {
		codec dialect.Codec
		in    string
		want  dialect.Expectation
	}{
		{chat, `{"messages":[{"role":"user","content":"12345678901234567890"}]}`, dialect.Expectation{PromptTokens: 6}},
		{chat, `{"messages":[],"max_tokens":5}`, dialect.Expectation{MaxTokens: 5}},
		{chat, `{"messages":[],"max_tokens":5,"max_completion_tokens":7}`, dialect.Expectation{MaxTokens: 7}},
		{chat, `{"messages":[],"max_completion_tokens":1e3,"n":3}`, dialect.Expectation{MaxTokens: 3000}},
		{chat, `{"messages":[],"max_tokens":-5}`, dialect.Expectation{}},
		{chat, `{"messages":[],"max_tokens":"x"}`, dialect.Expectation{}},
		{chat, `{"messages":[],"max_tokens":99999999999999999999,"n":1000000000}`, dialect.Expectation{MaxTokens: 1<<31 - 1}},
		{chat, `{"messages":[],"max\u005ftokens":5}`, dialect.Expectation{MaxTokens: 5}},
		{chat, `{"messages":[{"content":[{"type":"text","text":"1234"},{"type":"image_url","image_url":{"url":` + picture + `}}]}]}`, dialect.Expectation{PromptTokens: 5}},
		{chat, `{"messages":[{"content":[{"input_audio":{"data":"` + strings.Repeat("A", 4000) + `","format":"wav"}}]}]}`, dialect.Expectation{PromptTokens: 1}},
		{chat, `{"user":"12345678","messages":[]}`, dialect.Expectation{}},
		{completions, `{"prompt":["1234","12345678"],"max_tokens":5}`, dialect.Expectation{PromptTokens: 3, MaxTokens: 10}},
		{completions, `{"prompt":[1,22,333]}`, dialect.Expectation{PromptTokens: 3}},
		{responses, `{"input":"1234","instructions":"1234","max_output_tokens":9}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 9}},
		{native, `{"prompt":"12345678","max_tokens":9}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 9}},
	} {
		r := decodeAs(t, c.codec, c.in)
		if got := r.Expectation(); got != c.want {
			t.Errorf("%.100s: %+v, want %+v", c.in, got, c.want)
		}
	}
	r, err := native.Decode(dialect.Input{Query: url.Values{"prompt": {"12345678"}, "max_tokens": {"9"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Expectation(); got != (dialect.Expectation{PromptTokens: 2, MaxTokens: 9}) {
		t.Errorf("of a query: %+v", got)
	}
	e, err := dialect.EmbeddingCodec{}.Decode(dialect.Input{Body: []byte(`{"model":"m","input":["1234",{"image":` + picture + `}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Expectation(); got != (dialect.Expectation{PromptTokens: 1}) {
		t.Errorf("of embeddings: %+v", got)
	}
}
