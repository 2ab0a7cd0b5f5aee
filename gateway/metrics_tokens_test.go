package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"penstock/auth"
	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	"penstock/llm/upstream/upstreamtest"
)

// Tokens are counted on every route, and charged to the caller's key, and those that no model has
// counted apart too. A client is not sent an estimate.
func TestTokensAreCounted(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":7,"completion_tokens":60}`
	const done = `data: {"choices":[{"index":0,"delta":{"content":"12345678"},"finish_reason":"stop"}]}` + "\n\n"
	for name, c := range map[string]struct {
		path, body, response, mediaType string
		prompt, completion              string
		estimated                       bool
		lacks                           string // what the response has not
	}{
		"a stream":            {chatPath, `{"model":"upstream","stream":true,"messages":[]}`, done + `data: {"choices":[],` + usage + "}\n\n" + upstreamtest.Done, "text/event-stream", "7", "60", false, "usage"},
		"without usage":       {chatPath, `{"model":"upstream","stream":true,"prompt":"1234"}`, done + upstreamtest.Done, "text/event-stream", "1", "2", true, "usage"},
		"a native stream":     {"/v1/models/upstream/stream", `{"prompt":"1234"}`, done + upstreamtest.Done, "text/event-stream", "1", "2", true, `prompt_tokens":1`},
		"a whole response":    {chatPath, `{"model":"upstream","messages":[]}`, `{"choices":[],` + usage + `}`, "application/json", "7", "60", false, "error"},
		"embeddings":          {"/v1/embeddings", `{"model":"upstream","input":"1234"}`, `{"data":[],"usage":{"prompt_tokens":7}}`, "application/json", "7", "0", false, "error"},
		"without their usage": {"/v1/embeddings", `{"model":"upstream","input":"1234"}`, `{"data":[]}`, "application/json", "1", "0", true, "usage"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.mediaType)
				_, _ = io.WriteString(w, c.response) // the client may have left
			}))
			defer theirs.Close()
			keys, err := auth.Open(auth.Options{Keys: []auth.Key{{Name: "web", SHA256: auth.Digest("web-key"), Limits: auth.Limits{TokensPerDay: 1000}}}})
			if err != nil {
				t.Fatal(err)
			}
			s := newServer(t, 1, 1, func(e *engine.Engine) {
				_, err := upstream.Add(e, upstream.Config{
					Name:     "upstream",
					Servers:  []upstream.Server{{Name: "first", BaseURL: theirs.URL + "/v1", Model: "m", Weight: 1}},
					Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
					Gate:     engine.GateConfig{Permits: 1, Queue: 1},
				})
				if err != nil {
					t.Fatal(err)
				}
			}, func(o *gateway.Options) { o.Auth = keys })
			w := s.record(request("POST", c.path, c.body, "Authorization", "Bearer web-key"))
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), c.lacks) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			counted := s.record(request("GET", "/metrics", "", "Authorization", "Bearer web-key")).Body.String()
			prompt, completion, estimated := "0", "0", "0"
			if c.estimated {
				prompt, completion, estimated = c.prompt, c.completion, sum(c.prompt, c.completion)
			}
			for _, want := range []string{
				`penstock_key_tokens_total{key="key:web",type="prompt"} ` + c.prompt, `penstock_key_tokens_total{key="key:web",type="completion"} ` + c.completion,
				`penstock_key_tokens_estimated_total{key="key:web"} ` + estimated,
				`penstock_tokens_total{model="upstream",type="prompt"} ` + c.prompt, `penstock_tokens_total{model="upstream",type="completion"} ` + c.completion,
				`penstock_tokens_estimated_total{model="upstream",type="prompt"} ` + prompt, `penstock_tokens_estimated_total{model="upstream",type="completion"} ` + completion,
			} {
				if !strings.Contains(counted, want+"\n") {
					t.Errorf("the metrics lack %s", want)
				}
			}
		})
	}
}

// sum adds two numbers in decimal digits.
func sum(a, b string) string {
	m, _ := strconv.Atoi(a) // the test's own
	n, _ := strconv.Atoi(b)
	return strconv.Itoa(m + n)
}
