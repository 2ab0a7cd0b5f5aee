package acceptance

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"penstock/test/server"
)

// reporter is a server that keeps the requests it gets. Where a request names an error it reports
// that, with everything that the request's head had.
type reporter struct {
	mu       sync.Mutex
	requests []*http.Request
}

// ServeHTTP implements http.Handler.
func (e *reporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.requests = append(e.requests, r)
	e.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	head := fmt.Sprint(r.URL.RequestURI(), " ", r.Header, " ", r.URL.Query(), " ", url.QueryEscape(fmt.Sprint(r.Header)), " ", url.PathEscape(fmt.Sprint(r.Header)))
	message, _ := json.Marshal(map[string]any{"error": map[string]any{"message": head, "type": "server_error"}})
	w.Header().Set("X-Request-Id", head)
	w.Header().Set("X-Ratelimit-Reset-Requests", r.Header.Get("X-Secret"))
	w.Header().Set("Content-Type", "application/json")
	for _, status := range []int{400, 401, 429, 500} {
		if strings.Contains(string(body), fmt.Sprintf("status %d", status)) {
			w.WriteHeader(status)
			_, _ = w.Write(message)
			return
		}
	}
	chunk := `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`
	switch {
	case strings.Contains(string(body), "event"):
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\ndata: %s\n\n", chunk, message)
	case strings.Contains(string(body), "malformed"):
		w.Header().Set("Content-Type", "text/event-stream; "+head)
		fmt.Fprintf(w, "data: {%s\n\n", head)
	case strings.Contains(string(body), "redirection"):
		w.Header().Set("Location", "/elsewhere"+r.URL.RequestURI()+"&"+r.Header.Get("X-Secret"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		_, _ = io.WriteString(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
	case strings.Contains(string(body), `"stream":true`), strings.Contains(string(body), `"stream": true`):
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: %s\n\ndata: [DONE]\n\n", chunk)
	default:
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}`)
	}
}

// got returns the requests since the last call.
func (e *reporter) got() []*http.Request {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.requests
	e.requests = nil
	return all
}

// startReporter starts a server behind TLS, and returns the file of its certificate.
func startReporter(t *testing.T) (*reporter, string, string) {
	t.Helper()
	e := &reporter{}
	s := httptest.NewTLSServer(e)
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return e, s.URL, file
}

// everyRoute are the requests of a language model, whose prompt is the %s.
var everyRoute = []struct{ method, path, body string }{
	{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"%s"}]}`},
	{"POST", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"%s"}]}`},
	{"POST", "/v1/completions", `{"model":"m","prompt":"%s"}`},
	{"POST", "/v1/responses", `{"model":"m","input":"%s"}`},
	{"POST", "/v1/embeddings", `{"model":"m","input":"%s"}`},
	{"POST", "/v1/models/m:predict", `{"prompt":"%s"}`},
	{"POST", "/v1/models/m/stream", `{"prompt":"%s"}`},
	{"GET", "/v1/models/m/stream?prompt=%s", ""},
	{"POST", "/v1/streams", `{"model":"m","input":{"prompt":"%s"}}`},
}

// TestHeadersOnEveryRoute sends the headers of a careless client on every route.
func TestHeadersOnEveryRoute(t *testing.T) {
	e, base, ca := startReporter(t)
	key, entry := newKey(t, "web")
	sent := []string{
		"X-API-Key", key, "Authorization", "Bearer sk-of-the-client", "Cookie", "session=1", "Referer", "/v1/streams/x", "X-Tenant", "t",
		"Traceparent", "00-1-2-01", "Tracestate", "a=b", "Idempotency-Key", "i", "OpenAI-Beta", "o", "Anthropic-Beta", "b", "Anthropic-Version", "v",
		"OpenAI-Organization", "org", "OpenAI-Project", "project", "Connection", "X-Hop", "X-Hop", "1", "TE", "trailers", "X-Forwarded-For", "1.2.3.4",
		"X-Set", "theirs", "Last-Event-ID", "",
	}
	usual := []string{"Anthropic-Beta", "Anthropic-Version", "Idempotency-Key", "Openai-Beta", "Traceparent", "Tracestate"}
	for name, c := range map[string]struct {
		model, upstream string // more keys
		want            []string
		authorization   string
	}{
		"by default":       {"", ", api_key: sk-of-the-gateway", usual, "Bearer sk-of-the-gateway"},
		"the client's key": {"", ", api_key: sk-of-the-gateway, forward_authorization: true", append([]string{"Openai-Organization", "Openai-Project"}, usual...), "Bearer sk-of-the-client"},
		"a list":           {", forward_headers: [x-tenant, Cookie, X-HOP, X-Set, X-API-Key]", ", forward_authorization: true", []string{"Cookie", "X-Tenant"}, "Bearer sk-of-the-client"},
		"none":             {", forward_headers: []", "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c2, _ := start(t, fmt.Sprintf("auth:\n  keys:\n%smodels:\n  - {name: m, kind: openai%s, upstreams: [{base_url: %q, ca_file: %q, headers: {X-Set: ours}, query: {api-version: 1 & 2}%s}]}\n",
				entry, c.model, base+"/v1", ca, c.upstream))
			for _, route := range everyRoute {
				r := c2.Do(route.method, strings.Replace(route.path, "%s", "hi", 1), strings.Replace(route.body, "%s", "hi", 1),
					append([]string{"Content-Type", "application/json"}, sent...)...)
				if r.Status/100 != 2 {
					t.Errorf("%s %s: %d %s", route.method, route.path, r.Status, r.Body)
				}
				if url := r.Header.Get("Location"); url != "" {
					c2.Get(url) // to its end
				}
				requests := e.got()
				if len(requests) == 0 {
					t.Errorf("%s %s: the upstream got nothing", route.method, route.path)
				}
				for _, r := range requests {
					var got []string
					for _, name := range append(append([]string{"X-Hop", "X-Forwarded-For", "Referer", "Te", "X-Api-Key"}, usual...), "Openai-Organization", "Openai-Project", "Cookie", "X-Tenant") {
						if r.Header.Get(name) != "" {
							got = append(got, name)
						}
					}
					slices.Sort(got)
					slices.Sort(c.want)
					if !slices.Equal(got, c.want) || r.Header.Get("Authorization") != c.authorization {
						t.Errorf("%s %s: %q, Authorization %q", route.method, route.path, got, r.Header.Get("Authorization"))
					}
					if !slices.Equal(r.Header["X-Set"], []string{"ours"}) || r.URL.RawQuery != "api-version=1+%26+2" || strings.Contains(fmt.Sprint(r.Header), key) {
						t.Errorf("%s %s: %s %v", route.method, route.path, r.URL.RawQuery, r.Header)
					}
				}
			}
		})
	}
}

// responseTo returns a response and what there is of its body, which may be cut.
func responseTo(c client, method, path, body string) (*http.Response, string) {
	c.Helper()
	r, err := c.Send(c.Context(), method, path, body, "Content-Type", "application/json")
	if err != nil {
		c.Fatal(err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return r, string(text)
}

// TestNoSecretOfAConnectionIsShown has a server report all that it was sent.
func TestNoSecretOfAConnectionIsShown(t *testing.T) {
	_, base, _ := startReporter(t)
	secrets := []string{"s3cret in/a header", "s3cret+of=the&query", "dXNlcjpzM2NyZXQtcGFzcw==", "s3cret-pass"}
	config := fmt.Sprintf("log: {level: debug, content: true}\nmodels:\n  - {name: m, kind: openai, upstreams: [{base_url: %q, insecure_skip_verify: true, "+
		"headers: {X-Secret: \"${HEADER}\", Authorization: \"Basic %s\"}, query: {key: \"${QUERY}\"}}]}\n", base+"/v1", secrets[2])
	env := []string{"HEADER=" + secrets[0], "QUERY=" + secrets[1]}
	c, p := start(t, config, env...)
	check := func(what, text string) {
		t.Helper()
		for _, secret := range secrets {
			encoded, _ := json.Marshal(secret)
			for _, spelled := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(encoded), `"`)} {
				if strings.Contains(text, spelled) {
					t.Errorf("%s shows %s: %.2000s", what, spelled, text)
				}
			}
		}
	}
	for _, route := range everyRoute {
		for _, prompt := range []string{"status+400", "status+401", "status+429", "status+500", "event", "malformed", "redirection"} {
			if !strings.Contains(route.path, "%s") {
				prompt = strings.ReplaceAll(prompt, "+", " ")
			}
			if route.path == "/v1/embeddings" && (prompt == "event" || prompt == "malformed") {
				continue // a response with a status of success is passed on as it is
			}
			what := route.method + " " + route.path + ", " + prompt
			r, body := responseTo(c, route.method, strings.Replace(route.path, "%s", prompt, 1), strings.Replace(route.body, "%s", prompt, 1))
			if url := r.Header.Get("Location"); url != "" {
				r, body = responseTo(c, http.MethodGet, url, "")
			}
			check(what, fmt.Sprint(r.Header)+body)
			if strings.HasSuffix(prompt, "400") && !strings.Contains(body, "[key]") {
				t.Errorf("%s: %d %s", what, r.StatusCode, body)
			}
		}
	}
	check("/readyz", c.Get("/readyz").Body)
	check("/metrics", c.Get("/metrics").Body)
	check("the log", p.Stderr())
	if want := "insecure_skip_verify"; strings.Count(p.Stderr(), want) != 1 || !strings.Contains(p.Stderr(), "upstream="+strings.TrimPrefix(base, "https://")) {
		t.Errorf("the log does not name the upstream whose certificates are not checked: %s", p.Stderr())
	}
	command := exec.CommandContext(t.Context(), server.Binary(t), "check", "--config", server.ConfigFile(t, config))
	command.Env = append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "OK") {
		t.Errorf("%v: %s", err, out)
	}
	check("penstock check", string(out))
}
