package upstream

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// plays runs a stream and a whole response, each on a model of its own with these upstreams, and
// checks what the client gets.
func plays(t *testing.T, check func(t *testing.T, f *fixture, r *reply), scripts ...test.Script) {
	t.Helper()
	for _, streamed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var all []http.Handler
			for _, s := range scripts {
				all = append(all, test.New(s))
			}
			f := newFixture(t, nil, all...)
			defer f.close()
			if streamed {
				check(t, f, f.stream(dialect.Chat, chatBody))
			} else {
				check(t, f, f.whole(dialect.Chat))
			}
		})
	}
}

// works is a response that is good for both kinds of request.
var works = test.Script{func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") == "text/event-stream" {
		test.Send(test.Token("m", 0)+test.Finish("m")+test.Done)(w, r)
		return
	}
	test.Answer(200, test.Completion("m"))(w, r)
}}

// A server that asks for no further request with X-Should-Retry gets none, nor does another one if
// the failure could be the request's. One that asks for it gets one.
func TestXShouldRetryIsObeyed(t *testing.T) {
	for name, c := range map[string]struct {
		first    test.Script
		attempts string // with a second upstream, which works
	}{
		"an error, without":     {test.Script{test.Fail(500, "boom")}, "a error, a error, b ok"},
		"an error, false":       {test.Script{test.Fail(500, "boom", "X-Should-Retry", "false")}, "a error"},
		"a timeout, false":      {test.Script{test.Fail(408, "late", "X-Should-Retry", "false")}, "a error"},
		"a limit, false":        {test.Script{test.Fail(429, "slow", "Retry-After", "1", "X-Should-Retry", "false")}, "a rate_limited, b ok"},
		"our key, false":        {test.Script{test.Fail(401, "bad", "X-Should-Retry", "false")}, "a unauthorized, b ok"},
		"a conflict, without":   {test.Script{test.Fail(409, "busy")}, "a rejected"},
		"a conflict, true":      {test.Script{test.Fail(409, "busy", "X-Should-Retry", "true")}, "a rejected, a rejected, b ok"},
		"an error, true":        {test.Script{test.Fail(500, "boom", "X-Should-Retry", "true")}, "a error, a error, b ok"},
		"a bad request, falsey": {test.Script{test.Fail(400, "no", "X-Should-Retry", "0")}, "a rejected"},
	} {
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != c.attempts {
				t.Errorf("%s: attempts %s, want %s", name, got, c.attempts)
			}
			if failed := !strings.HasSuffix(c.attempts, "ok"); failed != (r.err != nil) {
				t.Errorf("%s: %v", name, r.err)
			}
		}, c.first, works)
	}
}

// modelNotFound are 404s of servers that lack the model.
var modelNotFound = map[string]string{
	"OpenAI":    `{"error":{"message":"The model 'x' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`,
	"vLLM":      `{"object":"error","message":"The model 'x' does not exist.","type":"NotFoundError","param":null,"code":404}`,
	"new vLLM":  `{"error":{"message":"The model 'x' does not exist.","type":"NotFoundError","param":"model","code":404}}`,
	"Ollama":    `{"error":{"message":"model \"x\" not found, try pulling it first","type":"api_error","param":null,"code":null}}`,
	"Ollama, 2": `{"error":"model 'x' not found"}`,
	"Anthropic": `{"type":"error","error":{"type":"not_found_error","message":"model: x"}}`,
	"Azure":     `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`,
}

func TestAModelThatIsMissingIsSoughtAtTheNextUpstream(t *testing.T) {
	for name, body := range modelNotFound {
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != "a rejected, b ok" || r.err != nil {
				t.Errorf("%s: attempts %s, %v", name, got, r.err)
			}
		}, test.Script{test.Answer(404, body)}, works)
		// The last one stands.
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != "a rejected, b rejected" || r.err == nil {
				t.Fatalf("%s: attempts %s, %v", name, got, r.err)
			}
			if a := answerOf(r.err); a == nil || a.Status != 404 || string(a.Body) != body {
				t.Errorf("%s: the client gets %+v", name, r.err)
			}
		}, test.Script{test.Answer(404, modelNotFound["OpenAI"])}, test.Script{test.Answer(404, body)})
	}
}

func TestARouteThatIsMissingIsNamed(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
	}{
		{404, `{"detail":"Not Found"}`},
		{404, `404 page not found`},
		{405, `{"detail":"Method Not Allowed"}`},
		{501, `{"error":{"message":"This server does not support chat.","type":"not_supported_error","code":501}}`},
	} {
		missing := test.Script{test.Answer(c.status, c.body)}
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != "a rejected, b ok" || r.err != nil {
				t.Errorf("%d: attempts %s, %v", c.status, got, r.err)
			}
		}, missing, works)
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != "a rejected" || r.err == nil {
				t.Fatalf("%d: attempts %s, %v", c.status, got, r.err)
			}
			if e := r.err; e.Code != apierr.CodeNotFound || e.Reason != "upstream_route_missing" || !strings.Contains(e.Message, "the upstream has no route POST /v1/chat/completions (status ") {
				t.Errorf("%d: %v", c.status, r.err)
			}
		}, missing)
		// What another server has reported about the request says more.
		plays(t, func(t *testing.T, _ *fixture, r *reply) {
			if a := answerOf(r.err); a == nil || a.Status != 500 {
				t.Errorf("after a failure: %v", r.err)
			}
		}, test.Script{test.Fail(500, "boom")}, missing)
	}
}

// A redirection is named, and not followed. Where it leads is logged, without what may be secret.
func TestARedirectionIsNamed(t *testing.T) {
	for location, want := range map[string]string{
		"https://user:pass@api.example.com/v2/chat/completions?key=SECRET#f": " with status 307 to https://api.example.com/v2/chat/completions",
		"/openai/v1/chat/completions":                                        " with status 307 to http://a.test/openai/v1/chat/completions",
		"https://x.example/sk-secret-a/chat":                                 " with status 307 to https://x.example/",
		"":                                                                   " with status 307",
		"http://[::1":                                                        " with status 307",
	} {
		plays(t, func(t *testing.T, f *fixture, r *reply) {
			if got := f.attempts.String(); got != "a error" || r.err == nil {
				t.Fatalf("%s: attempts %s, %v", location, got, r.err)
			}
			message := r.err.Message
			if !strings.Contains(message, "the upstream redirected POST /v1/chat/completions with status 307") || r.err.Code != apierr.CodeUpstreamError {
				t.Errorf("%s: %s", location, message)
			}
			if logged := apierr.ForLog(r.err); !strings.Contains(logged, "redirected POST /v1/chat/completions"+want) || strings.Contains(message, "://") {
				t.Errorf("%s: %s is logged, and %s is the message", location, logged, message)
			}
			for _, secret := range []string{"pass", "SECRET", "sk-secret-a"} {
				if strings.Contains(r.err.Error(), secret) || strings.Contains(apierr.ForLog(r.err), secret) {
					t.Errorf("%s: %s shows %s", location, message, secret)
				}
			}
		}, test.Script{test.Answer(307, "", "Location", location)})
	}
}

// With AlwaysUsage a server is asked for its usage in every request, though it may refuse some.
func TestUsageIsAlwaysAskedFor(t *testing.T) {
	refuses := test.Script{test.Fail(400, "unknown parameter: stream_options")}
	plain := test.Script{test.Send(test.Token("m", 0) + test.Finish("m") + test.Done)}
	counted := test.Script{test.Send(test.Token("m", 0) + test.Finish("m") + test.Usage("m") + test.Done)}
	for always, last := range map[bool]test.Script{false: plain, true: counted} {
		synctest.Test(t, func(t *testing.T) {
			u := test.New(refuses, plain, last)
			f := newFixture(t, func(c *Config) { c.Servers[0].AlwaysUsage = always }, u)
			defer f.close()
			for range 2 {
				if r := f.stream(dialect.Chat, unasked); r.err != nil || strings.Contains(strings.Join(r.chunks, ""), `"usage":{`) {
					t.Errorf("the client gets %q, %v", r.chunks, r.err)
				}
			}
			var asked []bool
			for _, request := range u.Requests(true) {
				asked = append(asked, strings.Contains(request.Body, askedText))
			}
			if len(asked) != 3 || !asked[0] || asked[1] || asked[2] != always {
				t.Errorf("always %v: asked in %v", always, asked)
			}
			<-f.charges
			if second := <-f.charges; second.Estimated == always {
				t.Errorf("always %v: the second stream is charged with %+v", always, second)
			}
		})
	}
}
