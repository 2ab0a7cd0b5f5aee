package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"penstock/engine"
	"penstock/gateway"
)

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }
func itoa(n int) string     { return strconv.Itoa(n) }

// field returns a string field of a JSON object.
func field(t *testing.T, object, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	s, _ := m[name].(string)
	return s
}

// code returns the code of an error body of either shape.
func code(t *testing.T, body io.Reader) string {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.NewDecoder(body).Decode(&e); err != nil {
		t.Fatalf("no error object: %v", err)
	}
	if e.Error.Message == "" {
		t.Errorf("%s has no message", e.Error.Code)
	}
	return e.Error.Code
}

func TestBadRequestsGetTheirCodesAndTheServerGoesOn(t *testing.T) {
	s := newServer(t, 5, 5, func(e *engine.Engine) {
		words(nil)(e)
		doubler(func(_ context.Context, n int) (int, error) {
			if n == 13 {
				panic("unlucky")
			}
			return 2 * n, nil
		})(e)
		engine.Predicts(e.Add("lost", engine.Lifecycle{Load: func(context.Context) error { return io.ErrUnexpectedEOF }}), "predict", engine.Predictor[int, int, int, int]{
			Preprocess:  func(context.Context, int) (int, error) { return 0, nil },
			Predict:     func(context.Context, int) (int, error) { return 0, nil },
			Postprocess: func(context.Context, int) (int, error) { return 0, nil },
		})
	}, func(o *gateway.Options) { o.MaxBody = 1000 })
	const predict, chat = "/v1/models/org/doubler:predict", "/v1/chat/completions"
	cases := []struct {
		name   string
		r      *http.Request
		status int
		code   string
	}{
		{"no such route", request("GET", "/nowhere", ""), 404, "not_found"},
		{"no such method", request("DELETE", "/v1/models", ""), 405, "method_not_allowed"},
		{"GET of predict", request("GET", predict, ""), 405, "method_not_allowed"},
		{"POST of a model", request("POST", "/v1/models/org/doubler", "1"), 405, "method_not_allowed"},
		{"no such model", request("POST", "/v1/models/cat:predict", "1"), 404, "model_not_found"},
		{"no such model to look at", request("GET", "/v1/models/cat", ""), 404, "model_not_found"},
		{"no such verb", request("POST", "/v1/models/words:sing", "1"), 404, "model_not_found"},
		{"a stream of a predictor", request("POST", "/v1/models/org/doubler/stream", "1"), 406, "not_acceptable"},
		{"a stream of a predictor by GET", request("GET", "/v1/models/org/doubler/stream", ""), 406, "not_acceptable"},
		{"a predictor as events", request("POST", predict, "1", "Accept", "text/event-stream"), 406, "not_acceptable"},
		{"no JSON", request("POST", predict, "{"), 400, "invalid_json"},
		{"other JSON", request("POST", predict, `"one"`), 400, "invalid_json"},
		{"two JSONs", request("POST", predict, `1 2`), 400, "invalid_json"},
		{"an empty body", request("POST", predict, ``), 400, "invalid_json"},
		{"empty input", request("POST", "/v1/models/words/stream", `{"prompt":""}`), 400, "invalid_input"},
		{"a body too large, by its length", request("POST", predict, strings.Repeat(" ", 1001)), 413, "body_too_large"},
		{"a body too large, chunked", chunked(request("POST", predict, strings.Repeat(" ", 1001))), 413, "body_too_large"},
		{"a panic", request("POST", predict, "13"), 500, "internal"},
		{"a model that failed to load", request("POST", "/v1/models/lost:predict", "1"), 503, "model_failed"},
		{"a foreign Host", host(request("GET", "/v1/models", ""), "evil.example"), 403, "forbidden"},
		{"a foreign Origin", request("POST", predict, "1", "Origin", "https://evil.example"), 403, "forbidden"},
		{"an Origin of null", request("POST", predict, "1", "Origin", "null"), 403, "forbidden"},
		{"chat: no JSON", request("POST", chat, "{"), 400, "invalid_json"},
		{"chat: an array", request("POST", chat, "[]"), 400, "invalid_json"},
		{"chat: no model", request("POST", chat, "{}"), 400, "missing_required_parameter"},
		{"chat: model is a number", request("POST", chat, `{"model":1}`), 400, "invalid_type"},
		{"chat: no such model", request("POST", chat, `{"model":"cat"}`), 404, "model_not_found"},
		{"chat: not this model", request("POST", chat, `{"model":"org/doubler"}`), 404, "model_not_supported"},
		{"chat: no messages", request("POST", chat, `{"model":"words"}`), 400, "invalid_input"},
		{"chat: too large", request("POST", chat, strings.Repeat(" ", 1001)), 413, "body_too_large"},
		{"chat: by GET", request("GET", chat, ""), 405, "method_not_allowed"},
	}
	for _, c := range cases {
		w := s.record(c.r)
		if got := code(t, w.Body); w.Code != c.status || got != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, got, c.status, c.code)
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: no X-Request-Id", c.name)
		}
		if w := s.record(request("POST", predict, "21")); w.Code != 200 || w.Body.String() != "42" {
			t.Fatalf("after %s the server does not go on: %d %s", c.name, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	log := s.log.String()
	for _, must := range []string{"unlucky", "unexpected EOF", "route=/v1/models/{name}/predict"} {
		if !strings.Contains(log, must) {
			t.Errorf("the log does not hold %q", must)
		}
	}
}

func chunked(r *http.Request) *http.Request { r.ContentLength = -1; return r }

func host(r *http.Request, h string) *http.Request { r.Host = h; return r }

func TestAllowedHostsAndOrigins(t *testing.T) {
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) {
		o.Hosts = []string{"models.example.com"}
		o.Origins = []string{"https://app.example.com"}
	})
	for _, r := range []*http.Request{
		host(request("GET", "/v1/models", ""), "127.0.0.1:8080"),
		host(request("GET", "/v1/models", ""), "[::1]:8080"),
		host(request("GET", "/v1/models", ""), "10.1.2.3"),
		host(request("GET", "/v1/models", ""), "LOCALHOST:8080"),
		host(request("GET", "/v1/models", ""), "Models.Example.com"),
		host(request("GET", "/healthz", ""), "anything.example"),
		host(request("GET", "/readyz", ""), "anything.example"),
		request("GET", "/v1/models", "", "Origin", "http://localhost"),
	} {
		if w := s.record(r); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("Host %s, Origin %s: %d %v", r.Host, r.Header.Get("Origin"), w.Code, w.Header())
		}
	}
	w := s.record(request("GET", "/v1/models", "", "Origin", "https://app.example.com"))
	if w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("a named origin: %d %v", w.Code, w.Header())
	}
	w = s.record(request("OPTIONS", "/v1/chat/completions", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"))
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Headers") == "" || w.Header().Get("X-Request-Id") == "" || w.Body.Len() > 0 {
		t.Errorf("a preflight: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if !strings.Contains(metrics(s), `penstock_http_requests_total{code="204",method="OPTIONS",route="preflight"} 1`) {
		t.Error("a preflight is not counted")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestRequestIDs(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	if w := s.record(request("GET", "/nowhere", "", "X-Request-Id", "my-id.1")); w.Header().Get("X-Request-Id") != "my-id.1" || !strings.Contains(w.Body.String(), `"request_id":"my-id.1"`) {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	for _, id := range []string{"", "with space", "line\nbreak", strings.Repeat("x", 200), "ünïcode"} {
		if got := s.record(request("GET", "/healthz", "", "X-Request-Id", id)).Header().Get("X-Request-Id"); len(got) != 32 || got == id {
			t.Errorf("for %q: %q", id, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Requests are private: nothing of a body or a query is logged, nor of a message that quotes them.
func TestTheLogHoldsNothingOfARequest(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for _, r := range []*http.Request{
		request("GET", "/v1/models/words/stream?prompt=SECRET&SECRET=SECRET", ""),
		request("GET", "/v1/models/words/stream?SECRET;", ""),
		request("GET", "/v1/models/SECRET/stream?prompt=SECRET", ""),
		request("POST", "/v1/models/words/stream", `{"prompt":"SECRET SECRET"`),
		request("POST", "/v1/streams", `{"model":"words","input":{},"SECRET":"SECRET"}`),
		request("POST", "/v1/streams", `{"model":"SECRET","input":{}}`),
		request("POST", chatPath, `{"model":"SECRET","SECRET":1}`),
		request("POST", chatPath, `{"model":"words","messages":"SECRET"}`),
		request("POST", chatPath, `SECRET`),
		request("POST", "/SECRET", `SECRET`),
	} {
		s.record(r)
	}
	log := s.log.String()
	if strings.Contains(log, "SECRET") || strings.Count(log, "msg=request") != 10 || !strings.Contains(log, "error=invalid_input/bad_query") {
		t.Errorf("the log: %s", log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A body that breaks off is the client's fault, as long as the client is there to get the response.
func TestAnIncompleteBody(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	url, client := s.onTCP(t)
	for name, sent := range map[string]string{
		"less than its length":   "Content-Length: 50\r\n\r\n{",
		"chunks that are broken": "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{\r\n0\r\n\r\n",
	} {
		for _, path := range []string{"/v1/models/words:predict", chatPath} {
			c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\n"+sent); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, path, err)
			}
			if got := code(t, res.Body); res.StatusCode != 400 || (got != "invalid_input" && got != "bad_body") {
				t.Errorf("%s, %s: %d %s", name, path, res.StatusCode, got)
			}
			c.Close()
		}
	}
	client.CloseIdleConnections()
}
