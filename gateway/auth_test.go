package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/auth"
	"penstock/engine"
	"penstock/gateway"
	"penstock/stream"
)

// withAuth returns a change of options by which keys are needed.
func withAuth(t testing.TB, o auth.Options) func(*gateway.Options) {
	t.Helper()
	a, err := auth.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *gateway.Options) { o.Auth = a }
}

func withKeys(t testing.TB, keys map[string]auth.Limits) func(*gateway.Options) {
	t.Helper()
	var o auth.Options
	for name, limits := range keys {
		o.Keys = append(o.Keys, auth.Key{Name: name, SHA256: auth.Digest("of-" + name), Limits: limits})
	}
	return withAuth(t, o)
}

// all adds the models of these tests.
func all(steps <-chan struct{}) func(*engine.Engine) {
	return func(e *engine.Engine) {
		words(steps)(e)
		remote(e)
		counter(e)
		e.Add("broken", engine.Lifecycle{Kind: "test", Load: func(context.Context) error { return os.ErrPermission }})
	}
}

// requestIDs are the parts of error bodies that differ from request to request.
var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

func TestWhichRoutesNeedAKey(t *testing.T) {
	s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {}}))
	for _, test := range []struct {
		method, path, body string
		public             bool
	}{
		{"GET", "/healthz", "", true},
		{"GET", "/readyz", "", true},
		{"GET", "/v2/health/live", "", true},
		{"GET", "/v2/health/ready", "", true},
		{"GET", "/", "", true},
		{"GET", "/js/app.js", "", true},
		{"GET", "/metrics", "", false},
		{"GET", "/v1/models", "", false},
		{"GET", "/v1/models/words", "", false},
		{"GET", "/v1/models/nothing", "", false},
		{"GET", "/v1/models/words/stream?prompt=x", "", false},
		{"POST", "/v1/models/words:predict", `{"prompt":"x"}`, false},
		{"POST", "/v1/models/words/stream", `{"prompt":"x"}`, false},
		{"POST", "/v1/streams", `{"model":"words","input":{"prompt":"x"}}`, false},
		{"DELETE", "/v1/streams/" + strings.Repeat("0", 32), "", false},
		{"POST", chatPath, chatBody(false, "x"), false},
		{"POST", "/v1/completions", `{"model":"words","prompt":"x"}`, false},
		{"POST", "/v1/responses", `{"model":"words","input":"x"}`, false},
		{"POST", "/v1/embeddings", `{"model":"words","input":"x"}`, false},
		{"GET", "/v2", "", false},
		{"GET", "/v2/models/words", "", false},
		{"GET", "/v2/models/words/ready", "", false},
		{"POST", "/v2/models/words/infer", `{}`, false},
	} {
		for credential, reason := range map[string]string{"": "missing_api_key", "Bearer of-b": "invalid_api_key"} {
			w := s.record(request(test.method, test.path, test.body, "Authorization", credential))
			if test.public {
				if w.Code == 401 || w.Code == 403 {
					t.Errorf("%s %s needs a key: %d", test.method, test.path, w.Code)
				}
				continue
			}
			if w.Code != 401 || w.Header().Get("Www-Authenticate") != "Bearer" {
				t.Errorf("%s %s with %q: %d %v", test.method, test.path, credential, w.Code, w.Header())
			}
			if strings.HasPrefix(test.path, "/v2") || strings.Contains(w.Body.String(), reason) {
				continue
			}
			t.Errorf("%s %s: %s", test.method, test.path, w.Body)
		}
		for _, name := range []string{"X-Api-Key", "Api-Key"} {
			if w := s.record(request(test.method, test.path, test.body, name, "of-a")); w.Code == 401 || w.Code == 403 {
				t.Errorf("%s %s with a key: %d", test.method, test.path, w.Code)
			}
		}
	}
	w := s.record(request("POST", chatPath, chatBody(false, "x"), "X-Api-Key", "of-a", "Authorization", "Bearer psk_of-b"))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "two_credentials") {
		t.Errorf("two credentials: %d %s", w.Code, w.Body)
	}
	if w := s.record(host(request("GET", "/v1/models", "", "X-Api-Key", "of-a"), "anything.example")); w.Code != 200 {
		t.Errorf("another Host with a key: %d", w.Code)
	}
}

func TestPublicReadinessHasNoReasons(t *testing.T) {
	s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {}, "b": {Models: []string{"words"}}}))
	for key, shown := range map[string]bool{"": false, "no": false, "of-a": true, "of-b": false} {
		w := s.record(request("GET", "/readyz", "", "X-Api-Key", key))
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"failed"`) || strings.Contains(w.Body.String(), "reason") != shown {
			t.Errorf("with %q: %d %s", key, w.Code, w.Body)
		}
	}
}

func TestAKeyIsForItsModelsOnly(t *testing.T) {
	s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {Models: []string{"w*"}}}))
	as := func(method, path, body string) (int, string) {
		w := s.record(request(method, path, body, "Authorization", "Bearer of-a"))
		return w.Code, w.Body.String()
	}
	var list struct{ Data []struct{ ID string } }
	_, body := as("GET", "/v1/models", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Data) != 1 || list.Data[0].ID != "words" {
		t.Errorf("the list is %s (%v)", body, err)
	}
	for path, body := range map[string]string{
		chatPath: `{"model":"NAME","messages":[{"role":"user","content":"x"}]}`, "/v1/completions": `{"model":"NAME","prompt":"x"}`,
		"/v1/responses": `{"model":"NAME","input":"x"}`, "/v1/embeddings": `{"model":"NAME","input":"x"}`,
		"/v1/streams": `{"model":"NAME","input":{"prompt":"x"}}`, "/v1/models/NAME:predict": `{"prompt":"x"}`, "/v2/models/NAME/infer": `{}`,
	} {
		// Whether there is such a model is not for this caller to learn.
		var bodies []string
		for _, name := range []string{"counter", "nothing"} {
			status, got := as("POST", strings.ReplaceAll(path, "NAME", name), strings.ReplaceAll(body, "NAME", name))
			if status != 403 {
				t.Errorf("%s of %s: %d %s", path, name, status, got)
			}
			var e struct{ Error json.RawMessage }
			_ = json.Unmarshal([]byte(got), &e)
			bodies = append(bodies, requestIDs.ReplaceAllString(string(e.Error), ""))
		}
		if bodies[0] != bodies[1] {
			t.Errorf("%s tells models apart: %q", path, bodies)
		}
	}
	if status, body := as("POST", chatPath, chatBody(false, "x")); status != 200 {
		t.Errorf("its own model: %d %s", status, body)
	}
}

func TestLimitsCountByKeyWhateverTheRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {RequestsPerMinute: 6}, "b": {}}))
		as := func(key, method, path, body string) (*http.Response, string) {
			w := s.record(request(method, path, body, "X-Api-Key", key))
			return w.Result(), w.Body.String()
		}
		for _, r := range [][3]string{
			{"POST", chatPath, chatBody(false, "x")},
			{"POST", chatPath, chatBody(true, "x")},
			{"GET", "/v1/models/words/stream?prompt=x", ""},
			{"POST", "/v1/models/words:predict", `{"prompt":"x"}`},
			{"POST", "/v1/streams", `{"model":"words","input":{"prompt":"x"}}`},
			{"POST", "/v1/responses", `{"model":"words","input":"x"}`},
		} {
			if res, body := as("of-a", r[0], r[1], r[2]); res.StatusCode >= 300 || res.Header.Get("X-Ratelimit-Limit-Requests") != "6" || res.Header.Get("X-Ratelimit-Limit-Tokens") != "" {
				t.Errorf("%s: %d %v %s", r[1], res.StatusCode, res.Header, body)
			}
		}
		res, body := as("of-a", "POST", chatPath, chatBody(false, "x"))
		var e struct{ Error struct{ Code, Type string } }
		if err := json.Unmarshal([]byte(body), &e); err != nil || res.StatusCode != 429 || e.Error.Code != "rate_limit_exceeded" || res.Header.Get("Retry-After") != "10" || res.Header.Get("X-Ratelimit-Remaining-Requests") != "0" {
			t.Errorf("over the limit: %d %v %s", res.StatusCode, res.Header, body)
		}
		if res, _ := as("of-b", "POST", chatPath, chatBody(false, "x")); res.StatusCode != 200 || res.Header.Get("X-Ratelimit-Limit-Requests") != "" {
			t.Errorf("another key: %d", res.StatusCode)
		}
		time.Sleep(10 * time.Second)
		if res, _ := as("of-a", "POST", chatPath, chatBody(false, "x")); res.StatusCode != 200 || res.Header.Get("X-Ratelimit-Remaining-Requests") != "0" || res.Header.Get("X-Ratelimit-Reset-Requests") != "1m0s" {
			t.Errorf("after Retry-After: %d %v", res.StatusCode, res.Header)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What the gate or the number of streams refuses is not charged to the key.
func TestARefusedRequestIsNotCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		o := engine.Options{Gate: engine.GateConfig{Permits: 5, Timeout: time.Minute}, Streams: stream.Options{Limit: 1}}
		s := newServerOf(t, o, all(steps), withKeys(t, map[string]auth.Limits{"a": {RequestsPerMinute: 10, TokensPerMinute: 10_000}}))
		create := func() *http.Response {
			return s.record(request("POST", "/v1/streams", `{"model":"words","input":{"prompt":"x","max_tokens":1000}}`, "X-Api-Key", "of-a")).Result()
		}
		if res := create(); res.StatusCode != 201 || res.Header.Get("X-Ratelimit-Remaining-Requests") != "9" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		for range 20 {
			if res := create(); res.StatusCode != 429 || res.Header.Get("X-Ratelimit-Remaining-Requests") != "8" {
				t.Fatalf("%d %v", res.StatusCode, res.Header)
			}
		}
		close(steps)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTokensAreChargedForWhatWasUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {TokensPerMinute: 1000, TokensPerDay: 1010}}))
		chat := func(maxTokens string) *http.Response {
			return s.record(request("POST", chatPath, `{"model":"words","max_tokens":`+maxTokens+`,"messages":[{"role":"user","content":"Once upon"}]}`, "X-Api-Key", "of-a")).Result()
		}
		if res := chat("900"); res.StatusCode != 200 || res.Header.Get("X-Ratelimit-Limit-Tokens") != "1000" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		// Of the 900 that were reserved, the completion and its prompt used three.
		if res := chat("900"); res.StatusCode != 200 || res.Header.Get("X-Ratelimit-Remaining-Tokens") != "93" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		if res := chat("2000"); res.StatusCode != 429 || res.Header.Get("Retry-After") != "" {
			t.Errorf("too large: %d %v", res.StatusCode, res.Header)
		}
		time.Sleep(time.Minute)
		w := s.record(request("POST", chatPath, `{"model":"words","max_tokens":998,"messages":[{"role":"user","content":"Once upon a time and more"}]}`, "X-Api-Key", "of-a"))
		if w.Code != 429 || !strings.Contains(w.Body.String(), "rate_limit_exceeded") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		for range 300 { // three tokens each: until the budget is spent
			time.Sleep(time.Second)
			w = s.record(request("POST", chatPath, `{"model":"words","max_tokens":1,"messages":[{"role":"user","content":"Once upon"}]}`, "X-Api-Key", "of-a"))
		}
		for range 60 {
			w = s.record(request("POST", chatPath, chatBody(false, "Once upon"), "X-Api-Key", "of-a"))
		}
		if w.Code != 429 || !strings.Contains(w.Body.String(), `"type":"insufficient_quota"`) || w.Header().Get("Retry-After") == "" {
			t.Errorf("a spent budget: %d %v %s", w.Code, w.Header(), w.Body)
		}
		metrics := s.record(request("GET", "/metrics", "", "X-Api-Key", "of-a")).Body.String()
		for _, line := range []string{`penstock_key_refused_total{key="key:a",reason="tokens_day"}`, `penstock_key_tokens_total{key="key:a",type="completion"}`, `penstock_key_requests_total{key="key:a"} 3`} {
			if !strings.Contains(metrics, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
	})
}

func TestOurKeysNeverGoUpstream(t *testing.T) {
	s := newServer(t, 5, 5, all(nil), withKeys(t, map[string]auth.Limits{"a": {RequestsPerMinute: 100}, "b": {}}))
	for _, test := range []struct{ header, key, authorization, want string }{
		{"", "", "Bearer of-a", ""},
		{"X-Api-Key", "of-a", "", ""},
		{"X-Api-Key", "of-a", "Bearer of-a", ""},
		{"X-Api-Key", "of-a", "Bearer sk-upstream", "sk-upstream"},
		{"Api-Key", "of-b", "Bearer sk-upstream", "sk-upstream"},
	} {
		w := s.record(request("POST", chatPath, `{"model":"remote","messages":[]}`, test.header, test.key, "Authorization", test.authorization))
		if w.Code != 200 || w.Body.String() != `{"whole":"`+test.want+`"}` {
			t.Errorf("%+v: %d %s", test, w.Code, w.Body)
		}
		if w.Header().Get("X-Ratelimit-Remaining") != "" {
			t.Errorf("the client is shown the limits of the upstream: %v", w.Header())
		}
	}
	if log := s.log.String(); strings.Contains(log, "of-a") || strings.Contains(log, "sk-upstream") {
		t.Errorf("the log has a key:\n%s", log)
	}
}

func BenchmarkRequest(b *testing.B) {
	for name, change := range map[string]func(*gateway.Options){
		"without keys": func(*gateway.Options) {},
		"with a key": withKeys(b, map[string]auth.Limits{"a": {
			Models: []string{"w*"}, RequestsPerMinute: 1 << 30, TokensPerMinute: 1 << 36, TokensPerDay: 1 << 50, TokensPerMonth: 1 << 50, Streams: 10,
		}}),
	} {
		b.Run(name, func(b *testing.B) {
			s := newServer(b, 5, 5, words(nil), change)
			b.ReportAllocs()
			for b.Loop() {
				if w := s.record(request("POST", chatPath, chatBody(true, "Once upon"), "Authorization", "Bearer of-a")); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
