package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sashabaranov/go-openai"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	"penstock/gateway"
	"penstock/llm/upstream"
)

// passing is a gateway whose model "voice" passes routes through to servers, each of which is a
// handler of a test. "mute" passes none through.
type passing struct {
	*server
	url    string
	client *http.Client

	mu       sync.Mutex
	got      []sent
	outcomes []string
}

// sent is a request that a server got.
type sent struct {
	server, method, uri, body string
	header                    http.Header
}

// Attempted implements failover.Observer.
func (p *passing) Attempted(_, server string, o failover.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcomes = append(p.outcomes, server+" "+string(o))
}

// requests returns what the servers got so far.
func (p *passing) requests() []sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// attempts returns how the requests to servers ended so far.
func (p *passing) attempts() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.outcomes, ", ")
}

const passKey = "sk-gateway-secret"

// newPassing starts a gateway on TCP. Servers are named a, b, …, as is the model in each: voice-a.
func newPassing(t *testing.T, change func(*gateway.Options, *upstream.Config), servers ...http.HandlerFunc) *passing {
	t.Helper()
	p := &passing{}
	config := upstream.Config{
		Name: "voice", Pass: []dialect.PassRoute{"audio/*", "images/*", "rerank", "moderations"}, Observer: p, Log: slog.New(slog.DiscardHandler),
		Timeouts: upstream.Timeouts{Connect: 5 * time.Second, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
		Gate:     engine.GateConfig{Permits: 4, Queue: 4, Timeout: time.Minute},
	}
	for i, handle := range servers {
		name := string(rune('a' + i))
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			p.mu.Lock()
			p.got = append(p.got, sent{name, r.Method, r.RequestURI, string(body), r.Header})
			p.mu.Unlock()
			handle(w, r)
		}))
		t.Cleanup(s.Close)
		config.Servers = append(config.Servers, upstream.Server{Name: name, BaseURL: s.URL + "/base/v1", APIKey: passKey, Model: "voice-" + name, Priority: i + 1, Weight: 1})
	}
	options := gateway.Options{}
	if change != nil {
		change(&options, &config)
	}
	p.server = newServer(t, 1, 1, func(e *engine.Engine) {
		mute := config
		mute.Name, mute.Pass = "mute", nil
		narrow := config
		narrow.Name, narrow.Pass = "narrow", []dialect.PassRoute{"audio/speech"}
		for _, c := range []upstream.Config{config, mute, narrow} {
			if _, err := upstream.Add(e, c); err != nil {
				t.Fatal(err)
			}
		}
		counter(e)
	}, func(o *gateway.Options) {
		o.Auth, o.Origins, o.LogContent = options.Auth, options.Origins, options.LogContent
		if options.MaxBody > 0 {
			o.MaxBody = options.MaxBody
		}
	})
	p.url, p.client = p.onTCP(t)
	return p
}

// response is what a client got.
type response struct {
	status int
	header http.Header
	body   string
	err    error // the response did not end well
}

func (p *passing) do(t *testing.T, method, path, media, body string, headers ...string) response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := p.client.Do(r)
	if err != nil {
		return response{err: err}
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return response{got.StatusCode, got.Header, string(text), err}
}

func (p *passing) sdk() *openai.Client {
	config := openai.DefaultConfig("client-key")
	config.BaseURL, config.HTTPClient = p.url+"/v1", p.client
	return openai.NewClientWithConfig(config)
}

// reply returns a handler that responds with a body of a media type.
func reply(media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		_, _ = io.WriteString(w, body)
	}
}
