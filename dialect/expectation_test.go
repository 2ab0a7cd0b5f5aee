package dialect_test

import (
	"net/url"
	"strings"
	"testing"

	"penstock/dialect"
)

func TestExpectations(t *testing.T) {
	picture := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 4000) + `"}}`
	for _, c := range []struct {
		codec dialect.Codec
		body  string
		want  dialect.Expectation
	}{
		{dialect.NewChat(), `{"model":"m","messages":[{"role":"user","content":"0123456789ab"}]}`, dialect.Expectation{PromptTokens: 4}},
		{dialect.NewChat(), `{"model":"m","max_tokens":7,"n":3,"messages":[]}`, dialect.Expectation{MaxTokens: 21}},
		{dialect.NewChat(), `{"model":"m","max\u005ftokens":7,"messages":[]}`, dialect.Expectation{MaxTokens: 7}},
		{dialect.NewChat(), `{"model":"m","max_tokens":7,"max_completion_tokens":9e0,"messages":[]}`, dialect.Expectation{MaxTokens: 9}},
		{dialect.NewChat(), `{"model":"m","max_tokens":1e300,"messages":[]}`, dialect.Expectation{MaxTokens: 1<<31 - 1}},
		{dialect.NewChat(), `{"model":"m","max_tokens":-1,"messages":[]}`, dialect.Expectation{}},
		{dialect.NewChat(), `{"messages":[{"role":"user","content":[` + picture + `,{"type":"text","text":"0123"}]}]}`, dialect.Expectation{PromptTokens: 6}},
		{dialect.NewChat(), `{"messages":[],"tools":[{"a":"b"}]}`, dialect.Expectation{PromptTokens: 3}},
		{dialect.NewChat(), `{"messages":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, dialect.Expectation{PromptTokens: 154}},
		{dialect.NewCompletions(), `{"model":"m","prompt":["0123","4567"],"max_tokens":5}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 10}},
		{dialect.NewCompletions(), `{"model":"m","prompt":[1,22,333]}`, dialect.Expectation{PromptTokens: 3}},
		{dialect.NewCompletions(), `{"model":"m","prompt":["0123","4567"],"n":2,"best_of":3,"max_tokens":5}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 30}},
		{dialect.NewCompletions(), `{"model":"m","prompt":["0123","4567","89ab"],"max_tokens":4,"n":9223372036854775807}`, dialect.Expectation{PromptTokens: 3, MaxTokens: 1<<31 - 1}},
		{dialect.NewCompletions(), `{"model":"m","prompt":["0123","4567"],"max_tokens":2147483647,"n":2147483647,"best_of":1e99}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 1<<31 - 1}},
		{dialect.NewResponses(), `{"model":"m","instructions":"0123","input":"4567","max_output_tokens":5}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 5}},
		{dialect.NewNative(), `{"prompt":"01234","max_tokens":5}`, dialect.Expectation{PromptTokens: 2, MaxTokens: 5}},
	} {
		if got := decodeAs(t, c.codec, c.body).Expectation(); got != c.want {
			t.Errorf("%.100s is expected to be %+v, not %+v", c.body, got, c.want)
		}
	}
	r, err := dialect.NewNative().Decode(dialect.Input{Query: url.Values{"prompt": {"01234"}, "max_tokens": {"3"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Expectation(), (dialect.Expectation{PromptTokens: 2, MaxTokens: 3}); got != want {
		t.Errorf("a query is expected to be %+v, not %+v", got, want)
	}
}

func TestExpectationsOfEmbeddings(t *testing.T) {
	body := []byte(`{"model":"m","input":["01234567",{"url":"https://example.com"}]}`)
	c, err := (dialect.EmbeddingCodec{}).Decode(dialect.Input{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Expectation(), (dialect.Expectation{PromptTokens: 2}); got != want {
		t.Errorf("embeddings are expected to be %+v, not %+v", got, want)
	}
}

func BenchmarkExpectation(b *testing.B) {
	body := `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 2000) + `"}]}`
	r, err := dialect.NewChat().Decode(dialect.Input{Body: []byte(body)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Expectation()
	}
}
