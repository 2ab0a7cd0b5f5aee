package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sashabaranov/go-openai"

	"penstock/auth"
)

// The upstream's model of each name, on every route that takes one.
func TestEveryRouteTakesEveryName(t *testing.T) {
	p := newProvider(t)
	base, client := newServer(t, 5, 5, p.many).onTCP(t)
	send := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		got, _ := io.ReadAll(w.Body)
		return w.StatusCode, string(got)
	}
	for name, want := range map[string]string{
		"gpt": "gpt-real", "gpt-4o": "gpt-real", "router/aliased": "gpt-real", "llama3.2:1b": "llama",
		"router/meta/x:free": "meta/x:free", "router/a": "a", "router/not listed@1": "not listed@1",
		"eu:one/two:fast": "eu/one/two", "router/a//b": "a//b",
	} {
		for _, route := range [][3]string{
			{"POST", "/v1/chat/completions", `{"model":NAME,"messages":[{"role":"user","content":"x"}]}`},
			{"POST", "/v1/chat/completions", `{"model":NAME,"stream":true,"messages":[{"role":"user","content":"x"}]}`},
			{"POST", "/v1/completions", `{"model":NAME,"prompt":"x"}`},
			{"POST", "/v1/responses", `{"model":NAME,"input":"x"}`},
			{"POST", "/v1/embeddings", `{"model":NAME,"input":"x"}`},
			{"POST", "/v1/models/PATH:predict", `{"prompt":"x"}`},
			{"POST", "/v1/models/ESCAPED:predict", `{"prompt":"x"}`},
			{"POST", "/v1/models/ESCAPED%3Apredict", `{"prompt":"x"}`},
			{"POST", "/v1/models/PATH/predict", `{"prompt":"x"}`},
			{"POST", "/v1/models/PATH/stream", `{"prompt":"x"}`},
			{"GET", "/v1/models/ESCAPED/stream?prompt=x", ""},
		} {
			path := strings.NewReplacer("PATH", (&url.URL{Path: name}).EscapedPath(), "ESCAPED", url.PathEscape(name)).Replace(route[1])
			status, body := send(route[0], path, strings.ReplaceAll(route[2], "NAME", quote(name)))
			if got := p.taken(); status != 200 || !slices.Equal(got, []string{want}) || !strings.Contains(body, want) {
				t.Errorf("%s %s of %q: %d, to %q: %s", route[0], path, name, status, got, body)
			}
		}
		for _, path := range []string{"/v1/models/" + url.PathEscape(name), "/v2/models/" + url.PathEscape(name)} {
			if status, body := send("GET", path, ""); status != 200 || !strings.Contains(body, quote(name)) {
				t.Errorf("GET %s: %d %s", path, status, body)
			}
		}
		status, body := send("POST", "/v1/streams", `{"model":`+quote(name)+`,"input":{"prompt":"x"}}`)
		var created struct{ URL string }
		if err := json.Unmarshal([]byte(body), &created); status != 201 || err != nil {
			t.Errorf("POST /v1/streams of %q: %d %s", name, status, body)
			continue
		}
		status, body = send("GET", created.URL, "")
		if got := p.taken(); status != 200 || !slices.Equal(got, []string{want}) || !strings.Contains(body, `"model":`+quote(name)) {
			t.Errorf("GET /v1/streams/{id} of %q: %d, to %q: %s", name, status, got, body)
		}
	}
}

func TestNamesThatNoModelHasAreNotFound(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, 5, 5, p.many)
	for _, name := range []string{"router/", "router/*", "router", "router/a\nb", "router/a/../b", "router/..", "router/" + strings.Repeat("x", 300), "eu::fast", "GPT-4o", "llama3.2", "llama3.2:1b:free"} {
		w := s.record(request("POST", chatPath, `{"model":`+quote(name)+`,"messages":[{"role":"user","content":"x"}]}`))
		if w.Code != 404 || !strings.Contains(w.Body.String(), "model_not_found") || len(w.Body.String()) > 1000 {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
	if got := p.taken(); got != nil {
		t.Errorf("the provider got requests for %q", got)
	}
	if log := s.log.String(); strings.Contains(log, strings.Repeat("x", 100)) {
		t.Errorf("the log has what no model is named: %s", log)
	}
}

// An error of a verb that is not there has no other name of the model than the request.
func TestVerbsAfterNamesWithColons(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, 5, 5, p.many)
	for _, c := range []struct {
		method, path string
		status       int
		message      string
	}{
		{"POST", "/v1/models/llama3.2:1b", 405, "POST to …:predict or …/stream"},
		{"POST", "/v1/models/router/a:free", 405, "POST to …:predict or …/stream"},
		{"GET", "/v1/models/router/a:free:predict", 405, "POST the input to predict"},
		{"POST", "/v1/models/llama3.2:1b:generateContent", 404, "no Gemini API"},
		{"POST", "/v1/models/router/a:free:streamGenerateContent", 404, "no Gemini API"},
		{"POST", "/v1/models/router/generateContent", 405, "POST to …:predict or …/stream"},
		{"GET", "/v2/models/router/a:free/ready", 200, `"name":"router/a:free"`},
		{"GET", "/v2/models/router/a:free/versions/1/config", 200, `"name":"router/a:free"`},
		{"GET", "/v2/models/router/a:free/versions/7", 404, "model router/a:free has no version"},
		{"POST", "/v2/models/llama3.2:1b/infer", 406, "cannot infer"},
	} {
		w := s.record(request(c.method, c.path, "{}"))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.message) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

func ids(t *testing.T, body []byte) (ids []string) {
	t.Helper()
	var list struct{ Data []struct{ ID string } }
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, m := range list.Data {
		ids = append(ids, m.ID)
	}
	return ids
}

// A key is for names, and no name leads to more than it is for.
func TestAKeyIsForNamesNotForWhatTheyLeadTo(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, 5, 5, p.many, withKeys(t, map[string]auth.Limits{
		"own": {Models: []string{"gpt"}}, "alias": {Models: []string{"gpt-4o"}}, "part": {Models: []string{"router/meta/*"}},
		"pattern": {Models: []string{"router/*"}}, "free": {Models: []string{"*:free"}}, "text": {Models: []string{"eu:*:fast"}}, "all": {},
	}))
	for key, want := range map[string][]string{
		"own":     {"gpt", "gpt-4o", "router/aliased"},
		"alias":   {"gpt-4o"},
		"part":    {"router/meta/x:free"},
		"pattern": {"router/aliased", "router/meta/x:free", "router/a"},
		"free":    {"router/meta/x:free"},
		"text":    nil,
		"all":     {"gpt", "gpt-4o", "router/aliased", "router/meta/x:free", "router/a", "llama3.2:1b", "counter"},
	} {
		authorization := "Bearer of-" + key
		w := s.record(request("GET", "/v1/models", "", "Authorization", authorization))
		if got := ids(t, w.Body.Bytes()); !slices.Equal(got, want) {
			t.Errorf("key %s lists %q, want %q", key, got, want)
		}
		if leak := strings.Contains(w.Body.String(), `"alias_of":"gpt"`); leak != (key == "own" || key == "all") {
			t.Errorf("key %s: aliases are listed as %s", key, w.Body)
		}
		for _, name := range []string{"gpt", "gpt-4o", "router/aliased", "router/meta/x:free", "router/a", "llama3.2:1b"} {
			status := 403
			if slices.Contains(want, name) {
				status = 200
			}
			body := `{"model":` + quote(name) + `,"messages":[{"role":"user","content":"x"}]}`
			if w := s.record(request("POST", chatPath, body, "Authorization", authorization)); w.Code != status {
				t.Errorf("key %s uses %s: %d %s", key, name, w.Code, w.Body)
			}
			if w := s.record(request("GET", "/v1/models/"+name, "", "Authorization", authorization)); w.Code != status {
				t.Errorf("key %s describes %s: %d %s", key, name, w.Code, w.Body)
			}
		}
	}
}

func TestAListOutlivesItsProvider(t *testing.T) {
	p := newProvider(t)
	p.list = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }
	s := newServer(t, 5, 5, p.many)
	for range 2 {
		w := s.record(request("GET", "/v1/models", ""))
		if got, want := ids(t, w.Body.Bytes()), []string{"gpt", "gpt-4o", "router/aliased", "llama3.2:1b", "counter"}; w.Code != 200 || !slices.Equal(got, want) {
			t.Errorf("%d %q", w.Code, got)
		}
	}
	if w := s.record(request("GET", "/v1/models/router/x", "")); w.Code != 200 {
		t.Errorf("a model that is not listed: %d %s", w.Code, w.Body)
	}
}

// Metrics and gates have the pattern: what clients send never becomes a label.
func TestMetricsHaveThePatternNotTheName(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, 5, 5, p.many)
	for i := range 20 {
		for _, body := range []string{`"messages":[{"role":"user","content":"x"}]}`, `"stream":true,"messages":[{"role":"user","content":"x"}]}`} {
			if w := s.record(request("POST", chatPath, fmt.Sprintf(`{"model":"router/secret-%d",%s`, i, body))); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		s.record(request("POST", "/v1/embeddings", fmt.Sprintf(`{"model":"router/secret-%d","input":"x"}`, i)))
		s.record(request("POST", fmt.Sprintf("/v1/models/router/secret-%d:predict", i), `{"prompt":"x"}`))
	}
	s.record(request("POST", chatPath, `{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}`))
	metrics := s.record(request("GET", "/metrics", "")).Body.String()
	if strings.Contains(metrics, "secret") || strings.Contains(metrics, "gpt-4o") || !strings.Contains(metrics, `model="router/*"`) || !strings.Contains(metrics, `gate="router/*"`) {
		t.Errorf("the metrics are %s", metrics)
	}
	if log := s.log.String(); !strings.Contains(log, "model=router/secret-7") || !strings.Contains(log, "model=gpt-4o") {
		t.Errorf("the log is %s", log)
	}
}

// Requests for two names of one pattern at the same time are two requests to the provider.
func TestNamesOfAPatternAreNeverJoined(t *testing.T) {
	p := newProvider(t)
	base, client := newServer(t, 5, 5, p.many).onTCP(t)
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			name := fmt.Sprintf("n%d", i)
			path, body := "/v1/embeddings", `"input":"x"}`
			if i%2 == 0 {
				path, body = chatPath, `"messages":[{"role":"user","content":"x"}]}`
			}
			w, err := client.Post(base+path, "application/json", strings.NewReader(`{"model":"router/`+name+`",`+body))
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Body.Close()
			got, _ := io.ReadAll(w.Body)
			if !strings.Contains(string(got), `"model":`+quote(name)) {
				t.Errorf("%s: %d %s", name, w.StatusCode, got)
			}
		})
	}
	clients.Wait()
	if got := p.taken(); len(got) != 16 {
		t.Errorf("%d requests", len(got))
	}
}

// An EventSource comes back by the address that it has: the name is the one it used.
func TestAStreamGoesOnUnderTheNameThatBeganIt(t *testing.T) {
	p := newProvider(t)
	s := newServer(t, 5, 5, p.many, withKeys(t, map[string]auth.Limits{"a": {}}))
	for _, name := range []string{"router/a:free", "gpt-4o"} {
		w := s.record(request("GET", "/v1/models/"+name+"/stream?prompt=x", "", "Authorization", "Bearer of-a"))
		_, after, ok := strings.Cut(w.Body.String(), "\nid: ")
		id, _, _ := strings.Cut(after, "\n")
		if w.Code != 200 || !ok {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		first := id[:strings.LastIndexByte(id, '-')] + "-0"
		for key, want := range map[string]int{"": 200, "Bearer of-a": 200} {
			if w := s.record(request("GET", "/v1/models/"+name+"/stream?prompt=x", "", "Last-Event-ID", first, "Authorization", key)); w.Code != want {
				t.Errorf("%s again with %q: %d %s", name, key, w.Code, w.Body)
			}
			if w := s.record(request("GET", "/v1/models/router/b/stream?prompt=x", "", "Last-Event-ID", first, "Authorization", key)); w.Code != 400 {
				t.Errorf("another name with %q: %d %s", key, w.Code, w.Body)
			}
		}
	}
}

// A client that many programs have lists and uses all these names.
func TestGoOpenAIUsesAliasesAndPatterns(t *testing.T) {
	p := newProvider(t)
	base, client := newServer(t, 5, 5, p.many).onTCP(t)
	config := openai.DefaultConfig("unused")
	config.BaseURL, config.HTTPClient = base+"/v1", client
	c := openai.NewClientWithConfig(config)
	list, err := c.ListModels(t.Context())
	if err != nil || len(list.Models) != 7 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, m := range list.Models {
		if m.ID == "counter" {
			continue
		}
		got, err := c.GetModel(t.Context(), m.ID)
		if err != nil || got.ID != m.ID || got.OwnedBy != "penstock" {
			t.Errorf("%s: %+v, %v", m.ID, got, err)
		}
		request := openai.ChatCompletionRequest{Model: m.ID, Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "x"}}}
		if r, err := c.CreateChatCompletion(t.Context(), request); err != nil || r.Choices[0].Message.Content != r.Model {
			t.Errorf("%s: %+v, %v", m.ID, r, err)
		}
		stream, err := c.CreateChatCompletionStream(t.Context(), request)
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		for err == nil {
			_, err = stream.Recv()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s ends with %v", m.ID, err)
		}
		stream.Close()
	}
}
