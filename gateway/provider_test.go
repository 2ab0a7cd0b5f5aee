package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"penstock/engine"
	"penstock/llm/upstream"
)

// provider is an OpenAI-compatible server with many models, which says in each response for which
// model the request was.
type provider struct {
	*httptest.Server
	mu     sync.Mutex
	models []string // of each request
	list   http.HandlerFunc
}

func newProvider(t testing.TB) *provider {
	p := &provider{list: func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"object":"list","data":[{"id":"meta/x:free"},{"id":"a"}]}`)
	}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/models" {
		p.list(w, r)
		return
	}
	var body struct {
		Model  string
		Stream bool
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.models = append(p.models, body.Model)
	p.mu.Unlock()
	model := quote(body.Model)
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/v1/embeddings":
		fmt.Fprintf(w, `{"object":"list","model":%s,"data":[{"object":"embedding","index":0,"embedding":[1]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`, model)
	case "/v1/completions":
		fmt.Fprintf(w, `{"id":"c","object":"text_completion","created":1,"model":%s,"choices":[{"index":0,"text":%s,"finish_reason":"stop"}]}`, model, model)
	case "/v1/responses":
		fmt.Fprintf(w, `{"id":"r","object":"response","created_at":1,"model":%s,"status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":%s}]}]}`, model, model)
	default:
		if !body.Stream {
			fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":%s,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`, model, model)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%s,\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", model, model)
	}
}

// taken returns the models of the requests since it was called last.
func (p *provider) taken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	models := p.models
	p.models = nil
	return models
}

// addUpstream adds a model of the provider.
func (p *provider) addUpstream(e *engine.Engine, name, model string) *engine.Model {
	m, err := upstream.Add(e, upstream.Config{
		Name:     name,
		Servers:  []upstream.Server{{Name: "p", BaseURL: p.URL + "/v1", Model: model, Weight: 1}},
		Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 8, Queue: 8, Timeout: time.Minute},
	})
	if err != nil {
		panic(err)
	}
	return m
}

// many adds the models of these tests: one of one name with aliases, two patterns, and one of them
// all that has its own name.
func (p *provider) many(e *engine.Engine) {
	e.Alias(p.addUpstream(e, "gpt", "gpt-real"), "gpt-4o", "router/aliased")
	p.addUpstream(e, "router/*", "*")
	p.addUpstream(e, "eu:*:fast", "eu/*")
	p.addUpstream(e, "llama3.2:1b", "llama")
	counter(e)
}
