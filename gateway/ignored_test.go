package gateway_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
)

// heedless adds a language model and one that embeds, which ignore what they cannot use.
func heedless(e *engine.Engine) {
	engine.Generates(e.Add("m", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, string, dialect.Delta]{
		Check: func(r *dialect.Request) error {
			p, err := r.Parameters()
			if err == nil {
				r.Ignore(p.Unused...)
			}
			return err
		},
		Preprocess: func(context.Context, *dialect.Request) (string, error) { return "", nil },
		Generate: func(_ context.Context, _ string, emit func(...dialect.Delta) error) (engine.End, error) {
			return engine.Stopped(engine.Usage{}), emit(dialect.Delta{Text: "hi"}, dialect.Delta{Finish: "stop"})
		},
	})
	engine.Predicts(e.Add("e", engine.Lifecycle{Kind: "test"}), "embed", engine.Predictor[*dialect.EmbeddingCall, int, int, *dialect.EmbeddingResponse]{
		Preprocess: func(_ context.Context, c *dialect.EmbeddingCall) (int, error) {
			_, err := c.Parse()
			return 0, err
		},
		Predict: func(context.Context, int) (int, error) { return 0, nil },
		Postprocess: func(context.Context, int) (*dialect.EmbeddingResponse, error) {
			return new(dialect.EmbeddingResponse), nil
		},
	})
}

// On each route, streamed and whole, the response names what its model worked without, for pages of
// other origins too.
func TestIgnoredParametersAreNamed(t *testing.T) {
	s := newServer(t, 5, 5, heedless, func(o *gateway.Options) { o.Origins = []string{"https://app.example.com"} })
	const chat = `"model":"m","messages":[{"role":"user","content":"hi","reasoning_content":"r"}]`
	for _, c := range []struct{ method, path, body, want, accept string }{
		{"POST", "/v1/chat/completions", `{` + chat + `,"foo":1}`, "foo, messages[].reasoning_content", ""},
		{"POST", "/v1/chat/completions", `{` + chat + `,"foo":1,"stream":true}`, "foo, messages[].reasoning_content", ""},
		{"POST", "/v1/completions", `{"model":"m","prompt":"hi","foo":1}`, "foo", ""},
		{"POST", "/v1/completions", `{"model":"m","prompt":"hi","foo":1,"stream":true}`, "foo", ""},
		{"POST", "/v1/responses", `{"model":"m","input":"hi","store":true}`, "store", ""},
		{"POST", "/v1/responses", `{"model":"m","input":"hi","store":true,"stream":true}`, "store", ""},
		{"POST", "/v1/models/m:predict", `{"prompt":"hi","foo":1}`, "foo", ""},
		{"POST", "/v1/models/m/stream", `{"prompt":"hi","foo":1}`, "foo", ""},
		{"GET", "/v1/models/m/stream?prompt=hi&foo=1", "", "foo", ""},
		{"POST", "/v1/embeddings", `{"model":"e","input":"hi","user":"u","input_type":"query"}`, "input_type, user", ""},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}],"foo":null}`, "", ""},
		{"POST", "/v1/completions", `{"model":"m","prompt":"hi","a\r\nSet-Cookie: b=c, d\u00e9":1}`, "a??Set-Cookie:?b?c??d?", ""},
		{"POST", "/v1/completions", `{"model":"m","prompt":"hi"` + manyMembers() + `}`, "", ""},
		{"POST", "/v1/chat/completions", `{` + chat + `,"foo":1}`, "foo, messages[].reasoning_content", "text/plain"},
		{"POST", "/v1/models/m:predict", `{"prompt":"hi","foo":1}`, "foo", "text/plain"},
		{"GET", "/v1/models/m/stream?prompt=hi&foo=1", "", "foo", "text/plain"},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Host = "localhost"
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Content-Type", "application/json")
		if c.accept != "" {
			r.Header.Set("Accept", c.accept)
		}
		w := s.record(r)
		got := w.Header().Get("X-Penstock-Ignored")
		switch {
		case w.Code != 200:
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
		case strings.Contains(c.body, "a0"):
			if len(got) > 1024+len("...") || !strings.HasSuffix(got, ", ...") {
				t.Errorf("of many: %d bytes, %q", len(got), got)
			}
		case got != c.want:
			t.Errorf("%s %s names %q, want %q", c.path, c.body, got, c.want)
		}
		if exposed := w.Header().Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "X-Penstock-Ignored") {
			t.Errorf("a page may read %s", exposed)
		}
	}
}

// manyMembers returns more names than a header has room for.
func manyMembers() string {
	var b strings.Builder
	for i := range 60 {
		b.WriteString(`,"` + strings.Repeat("a", i) + `a0":1`)
	}
	return b.String()
}
