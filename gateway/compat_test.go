package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"penstock/auth"
	"penstock/engine"
	"penstock/gateway"
)

// withDefault adds models of which the first is the default.
func withDefault(add ...func(*engine.Engine)) func(*engine.Engine) {
	return func(e *engine.Engine) {
		for _, a := range add {
			a(e)
		}
		e.SetDefault(e.Models()[0])
	}
}

// compat is a change of options by which both servers' routes are there.
func compat(o *gateway.Options) { o.Compat = gateway.Compat{Truss: true, SageMaker: true} }

// double doubles its input.
func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

// named adds a generator of another name, which streams its prompt.
func named(name string) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Generates(e.Add(name, engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[promptInput, []string, counted]{
			Preprocess: func(_ context.Context, in promptInput) ([]string, error) {
				return strings.SplitAfter(in.Prompt, " "), nil
			},
			Generate: repeat(nil, func(word string) counted { return counted{Text: word} }),
		})
	}
}

// Without the option there is nothing of other servers, and the addresses respond as they did.
func TestOtherServersRoutesAreOffUnlessConfigured(t *testing.T) {
	s := newServer(t, 1, 1, withDefault(words(nil), func(e *engine.Engine) {
		e.Add("failed", engine.Lifecycle{Kind: "test", Load: func(context.Context) error { return context.Canceled }})
	}))
	for path, want := range map[string]int{
		"GET /ping": 404, "POST /invocations": 404, "GET /v1/websocket": 404,
		"GET /v1/models/model": 404, "POST /v1/models/model:predict": 404, "GET /v1/models/words/loaded": 404, "GET /v1/models/words/schema": 404,
		"POST /v1/models/words:predict_binary": 404, "GET /v1/models/words": 200, "GET /v1/models/failed": 200,
	} {
		method, path, _ := strings.Cut(path, " ")
		if w := s.record(request(method, path, `{"prompt":"x"}`)); w.Code != want || strings.Contains(w.Body.String(), "msgpack") {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
}

// What clients of Truss and of SageMaker send, and what they get.
func TestOtherServersRoutes(t *testing.T) {
	const prompt = `{"prompt":"one two"}`
	generators := newServer(t, 1, 1, withDefault(words(nil), counter), compat)
	counters := newServer(t, 1, 1, withDefault(counter), compat)
	predictors := newServer(t, 1, 1, withDefault(doubler(double)), compat)
	own := newServer(t, 1, 1, withDefault(words(nil), named("model"), named("x/loaded"), named("x/schema"), named("x:predict_binary")), compat)
	itself := newServer(t, 1, 1, withDefault(named("model")), compat)
	alias := newServer(t, 1, 1, func(e *engine.Engine) {
		withDefault(words(nil), counter)(e)
		e.Alias(e.Models()[1], "model")
	}, compat)
	pattern := newServer(t, 1, 1, withDefault(words(nil), named("*")), compat)
	none := newServer(t, 1, 1, words(nil), compat)
	for name, c := range map[string]struct {
		s                          *server
		method, path, accept, body string
		status                     int
		media, want                string // the whole body or, with … at its end, its beginning
	}{
		"a whole result":               {predictors, "POST", "/v1/models/model:predict", "*/*", "21", 200, "application/json", "42"},
		"a whole result by its name":   {predictors, "POST", "/v1/models/org/doubler:predict", "*/*", "21", 200, "application/json", "42"},
		"input that cannot be read":    {predictors, "POST", "/v1/models/model:predict", "*/*", "{", 400, "application/json; charset=utf-8", `{"error":{"code":"invalid_json"…`},
		"text in chunks":               {generators, "POST", "/v1/models/model:predict", "*/*", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"without Accept":               {generators, "POST", "/v1/models/model:predict", "", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"axios's Accept":               {generators, "POST", "/v1/models/model:predict", "application/json, text/plain, */*", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"gathered":                     {generators, "POST", "/v1/models/model:predict", "application/json", prompt, 200, "application/json; charset=utf-8", `"one two"`},
		"gathered of its own encoding": {counters, "POST", "/v1/models/model:predict", "application/json", `{"to":2,"word":"<é>"}`, 200, "application/json; charset=utf-8", `"<é><é>"`},
		"of its own encoding":          {counters, "POST", "/v1/models/model:predict", "", `{"to":2,"word":"é"}`, 200, "text/plain; charset=utf-8", "éé"},
		"stream: true":                 {counters, "POST", "/v1/models/model:predict", "", `{"stream":true,"to":2,"word":"a"}`, 200, "text/plain; charset=utf-8", "aa"},
		"stream: false":                {counters, "POST", "/v1/models/model:predict", "", `{"to":2,"word":"a", "stream" : false }`, 200, "application/json; charset=utf-8", `"aa"`},
		"stream: false first":          {counters, "POST", "/v1/models/model:predict", "", `{ "stream" : false , "to":2,"word":"a"}`, 200, "application/json; charset=utf-8", `"aa"`},
		"stream: false for a LLM":      {generators, "POST", "/v1/models/model:predict", "", `{"prompt":"one two","stream":false}`, 200, "application/json; charset=utf-8", `"one two"`},
		"stream: true for a LLM":       {generators, "POST", "/v1/models/model:predict", "", `{"prompt":"one two","stream":true}`, 200, "text/plain; charset=utf-8", "one two"},
		"events":                       {generators, "POST", "/v1/models/model:predict", "text/event-stream", prompt, 200, "text/event-stream; charset=utf-8", "id: …"},
		"chunks without a text":        {counters, "POST", "/v1/models/model:predict", "", `{"to":2}`, 406, "application/json; charset=utf-8", `{"error":{"code":"not_acceptable"…`},
		"gathered without a text":      {counters, "POST", "/v1/models/model:predict", "application/json", `{"to":2}`, 406, "application/json; charset=utf-8", `{"error":{"code":"not_acceptable"…`},
		"a failure":                    {generators, "POST", "/v1/models/model:predict", "", `{"prompt":"FAIL"}`, 502, "application/json; charset=utf-8", `{"error":{"code":"upstream_cut"…`},
		"a failure while gathered":     {generators, "POST", "/v1/models/model:predict", "application/json", `{"prompt":"one FAIL"}`, 502, "application/json; charset=utf-8", `{"error":{"code":"upstream_cut"…`},
		"by its own name, our form":    {generators, "POST", "/v1/models/words:predict", "*/*", prompt, 200, "application/json; charset=utf-8", `{"output":"one two"…`},
		"predicted by GET":             {generators, "GET", "/v1/models/model:predict", "", "", 405, "application/json; charset=utf-8", `{"error":{"code":"method_not_allowed"…`},
		"readiness":                    {generators, "GET", "/v1/models/model", "", "", 200, "application/json; charset=utf-8", `{"id":"words","object":"model"…`},
		"readiness by its name":        {generators, "GET", "/v1/models/words", "", "", 200, "application/json; charset=utf-8", `{"id":"words","object":"model"…`},
		"of another":                   {generators, "GET", "/v1/models/counter", "", "", 200, "application/json; charset=utf-8", `{"id":"counter","object":"model"…`},
		"of none":                      {generators, "GET", "/v1/models/other", "", "", 404, "application/json; charset=utf-8", `{"error":{"code":"model_not_found"…`},
		"loaded":                       {generators, "GET", "/v1/models/model/loaded", "", "", 200, "application/json; charset=utf-8", "{}"},
		"loaded by its name":           {generators, "GET", "/v1/models/counter/loaded", "", "", 200, "application/json; charset=utf-8", "{}"},
		"loaded of none":               {generators, "GET", "/v1/models/other/loaded", "", "", 404, "application/json; charset=utf-8", `{"error":{"code":"model_not_found"…`},
		"ping":                         {generators, "GET", "/ping", "", "", 200, "application/json; charset=utf-8", "{}"},
		"invoked":                      {generators, "POST", "/invocations", "", prompt, 200, "application/json; charset=utf-8", `{"output":"one two"…`},
		"invoked for a stream":         {generators, "POST", "/invocations", "", `{"prompt":"one","stream":true}`, 200, "text/event-stream; charset=utf-8", "id: …"},
		"invoked for a text":           {generators, "POST", "/invocations", "text/plain", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"invoked for a whole result":   {predictors, "POST", "/invocations", "application/json", "21", 200, "application/json", "42"},
		"invoked by GET":               {generators, "GET", "/invocations", "", "", 405, "application/json; charset=utf-8", `{"error":{"code":"method_not_allowed"…`},
		"a model named model":          {own, "POST", "/v1/models/model:predict", "", prompt, 200, "application/json; charset=utf-8", `{"output":"one two"…`},
		"its description":              {own, "GET", "/v1/models/model", "", "", 200, "application/json; charset=utf-8", `{"id":"model","object":"model"…`},
		"a model named …/loaded":       {own, "GET", "/v1/models/x/loaded", "", "", 200, "application/json; charset=utf-8", `{"id":"x/loaded","object":"model"…`},
		"a model named …/schema":       {own, "GET", "/v1/models/x/schema", "", "", 200, "application/json; charset=utf-8", `{"id":"x/schema","object":"model"…`},
		"a model with the alias model": {alias, "POST", "/v1/models/model:predict", "", `{"to":1,"word":"a"}`, 200, "application/json; charset=utf-8", `{"output":"a"…`},
		"the default named model":      {itself, "POST", "/v1/models/model:predict", "", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"beside a pattern":             {pattern, "POST", "/v1/models/model:predict", "", prompt, 200, "text/plain; charset=utf-8", "one two"},
		"ready beside a pattern":       {pattern, "GET", "/v1/models/model", "", "", 200, "application/json; charset=utf-8", `{"id":"words","object":"model"…`},
		"ready by a pattern":           {pattern, "GET", "/v1/models/a/b", "", "", 200, "application/json; charset=utf-8", `{"id":"a/b","object":"model"…`},
		"loaded by a pattern":          {pattern, "GET", "/v1/models/a/b/loaded", "", "", 200, "application/json; charset=utf-8", "{}"},
		"no schema of a pattern":       {pattern, "GET", "/v1/models/a/b/schema", "", "", 404, "application/json; charset=utf-8", `{"error":{"code":"not_found","message":"there is no schema here: GET /v1/models/a/b describes…`},
		"no default":                   {none, "POST", "/v1/models/model:predict", "", prompt, 404, "application/json; charset=utf-8", `{"error":{"code":"not_found"…`},
		"no default to ping":           {none, "GET", "/ping", "", "", 404, "application/json; charset=utf-8", `{"error":{"code":"not_found"…`},
		"no default to invoke":         {none, "POST", "/invocations", "", prompt, 404, "application/json; charset=utf-8", `{"error":{"code":"not_found"…`},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.s.record(request(c.method, c.path, c.body, "Accept", c.accept, "Content-Type", "application/json"))
			begin, cut := strings.CutSuffix(c.want, "…")
			body := w.Body.String()
			if w.Code != c.status || w.Header().Get("Content-Type") != c.media || !strings.HasPrefix(body, begin) || !cut && body != c.want {
				t.Errorf("%d %v\n%s", w.Code, w.Header(), body)
			}
			// Truss's own client takes a response for a stream if it has no length.
			if text := strings.HasPrefix(c.media, "text/"); w.Code == 200 && text == (w.Header().Get("Content-Length") != "") {
				t.Errorf("the length is %q", w.Header().Get("Content-Length"))
			}
		})
	}
}

// What is not supported is an error that names what to do instead.
func TestWhatIsNotSupportedNamesTheAlternative(t *testing.T) {
	s := newServer(t, 1, 1, withDefault(words(nil), named("x:predict_binary")), compat)
	for _, c := range []struct{ method, path, media, want string }{
		{"POST", "/v1/models/model:predict_binary", "application/octet-stream", "POST JSON to /v1/models/model:predict, with Content-Type: application/json; bytes that are a model's whole input, such as a picture, go to /v1/models/words:predict"},
		{"POST", "/v1/models/words:predict_binary", "application/octet-stream", "POST JSON to /v1/models/words:predict"},
		{"POST", "/v1/models/model:predict", "application/octet-stream", "there is no msgpack here"},
		{"GET", "/v1/models/model/schema", "", "GET /v2/models/words its tensors"},
		{"GET", "/v1/websocket", "", "/v1/models/{name}/stream"},
		{"POST", "/v1/websocket", "", "/v1/models/{name}/stream"},
	} {
		w := s.record(request(c.method, c.path, "\x81\xa6prompt\xa1x", "Content-Type", c.media, "Connection", "Upgrade", "Upgrade", "websocket"))
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), c.want) || !strings.Contains(w.Body.String(), `"code":"not_found"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	// A model's own name takes any bytes, and so does one whose name ends as Truss's path does.
	for path, want := range map[string]string{"/v1/models/words:predict": "", "/v1/models/x:predict_binary:predict": `{"output":"hi"`} {
		w := s.record(request("POST", path, `{"prompt":"hi"}`, "Content-Type", "application/octet-stream"))
		if w.Code == http.StatusNotFound || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Load balancers ping without a key and with any Host; all else is under the keys' rules.
func TestOtherServersRoutesNeedAKeyButThePing(t *testing.T) {
	s := newServer(t, 1, 1, withDefault(words(nil), counter), compat, withKeys(t, map[string]auth.Limits{"a": {}, "b": {Models: []string{"counter", "model"}}}))
	if w := s.record(host(request("GET", "/ping", ""), "anything.example")); w.Code != 200 {
		t.Errorf("a ping: %d %s", w.Code, w.Body)
	}
	for _, c := range []struct{ method, path string }{
		{"POST", "/invocations"},
		{"POST", "/v1/models/model:predict"},
		{"GET", "/v1/models/model"},
		{"GET", "/v1/models/words/loaded"},
		{"GET", "/v1/models/model/schema"},
		{"POST", "/v1/models/model:predict_binary"},
	} {
		for key, want := range map[string]int{"": 401, "of-b": 403, "of-a": 200} {
			if key == "of-a" && (strings.HasSuffix(c.path, "schema") || strings.HasSuffix(c.path, "binary")) {
				want = 404
			}
			if w := s.record(request(c.method, c.path, `{"prompt":"x"}`, "X-Api-Key", key)); w.Code != want {
				t.Errorf("%s %s with %q: %d %s", c.method, c.path, key, w.Code, w.Body)
			}
		}
	}
	if w := s.record(request("GET", "/v1/websocket", "")); w.Code != 401 {
		t.Errorf("a websocket: %d", w.Code)
	}
	open := newServer(t, 1, 1, withDefault(words(nil)), compat)
	for path, want := range map[string]int{"GET /ping": 200, "POST /invocations": 403, "POST /v1/models/model:predict": 403} {
		method, path, _ := strings.Cut(path, " ")
		if w := open.record(host(request(method, path, `{"prompt":"x"}`), "rebound.example")); w.Code != want {
			t.Errorf("%s %s with an unknown Host: %d %s", method, path, w.Code, w.Body)
		}
	}
}
