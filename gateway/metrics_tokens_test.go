package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/engine"
	"penstock/llm/upstream"
	"penstock/llm/upstream/upstreamtest"
)

// Tokens are counted on every route, and those that no model has counted apart too. A client is not
// sent an estimate.
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
			})
			w := s.record(request("POST", c.path, c.body))
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), c.lacks) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			counted := metrics(s)
			prompt, completion := "0", "0"
			if c.estimated {
				prompt, completion = c.prompt, c.completion
			}
			for _, want := range []string{
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
