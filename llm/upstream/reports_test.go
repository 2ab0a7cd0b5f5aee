package upstream

import (
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// However a server reports an error, in an event or with a status of success, the client gets its
// message.
func TestReportedErrors(t *testing.T) {
	const flat = `{"object":"error","message":"engine died","type":"InternalServerError","param":null,"code":500}`
	for name, c := range map[string]struct {
		report  string
		status  int
		body    string // of what the client gets, where it is not the report
		message string // the end of the error's message
	}{
		"OpenAI's":                   {report: `{"error":{"message":"overloaded","type":"server_error","param":null,"code":503}}`, status: 503, message: "overloaded"},
		"a text":                     {report: `{"error":"model runner stopped"}`, status: 502, body: `{"error":{"message":"model runner stopped","type":"server_error","param":null,"code":null}}`, message: "model runner stopped"},
		"an odd param":               {report: `{"error":{"message":"bad","type":"invalid_request_error","param":["x"]}}`, status: 400, message: "bad"},
		"no message":                 {report: `{"error":{"code":503,"hint":{"x":1}}}`, status: 503},
		"a message that is not text": {report: `{"error":{"message":["a"],"code":"503"}}`, status: 503},
		"without an envelope":        {report: flat, status: 500, body: `{"error":{"message":"engine died","type":"InternalServerError","param":null,"code":"500"}}`, message: "engine died"},
		"true":                       {report: `{"error":true,"message":"no"}`, status: 502, body: `{"error":{"message":"no","type":"server_error","param":null,"code":null}}`, message: "no"},
		"with other members":         {report: `{"error":{"reason":"x"},"choices":[]}`, status: 502},
	} {
		body := c.report
		if c.body != "" {
			body = c.body
		}
		for way, script := range map[string]test.Script{
			"an event":     {test.Send("data: " + c.report + "\n\n"), test.Send(test.Done)},
			"not events":   {test.Answer(200, c.report)},
			"a whole body": {test.Answer(200, c.report)},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, nil, test.New(script))
					defer f.close()
					send := func() *reply { return f.stream(dialect.Chat, chatBody) }
					if way == "a whole body" {
						send = func() *reply { return f.whole(dialect.Chat) }
					}
					r := send()
					if r.err == nil {
						t.Fatalf("it is taken for a response: %q", r.chunks)
					}
					if a := r.upstreamAnswer(); a == nil || a.Status != c.status || string(a.Body) != body {
						t.Fatalf("the client gets %v: %+v", r.err, a)
					}
					if !strings.HasSuffix(r.err.Message, c.message) {
						t.Errorf("the message is %q", r.err.Message)
					}
				})
			})
		}
	}
	t.Run("in the middle", func(t *testing.T) {
		for _, report := range []string{flat, `{"error":"engine died"}`} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(test.Script{test.Tokens("m", 0, 2), test.Send("data: " + report + "\n\n" + test.Done)}))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if r.err == nil || r.err.Code != apierr.CodeUpstreamError || !strings.HasSuffix(r.err.Message, ": engine died") || len(r.chunks) != 2 {
					t.Errorf("%d chunks, then %v", len(r.chunks), r.err)
				}
			})
		}
	})
}

// Some servers send the member "error" with every event.
func TestAMemberErrorThatReportsNone(t *testing.T) {
	for _, none := range []string{"null", "{}", `""`, "[]", "false"} {
		synctest.Test(t, func(t *testing.T) {
			whole := `{"choices":[],"error":` + none + `}`
			f := newFixture(t, nil, test.New(test.Script{test.Send(`data: {"error":` + none + `,"choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n" + test.Done)}, test.Script{test.Answer(200, whole)}))
			defer f.close()
			if r := f.stream(dialect.Chat, chatBody); r.err != nil || r.text() != "a" {
				t.Errorf("with %s the client gets %v", none, r.err)
			}
			if r := f.whole(dialect.Chat); r.err != nil || r.body.String() != `{"choices":[]}` {
				t.Errorf("with %s the client gets %v", none, r.err)
			}
		})
	}
}

// A prompt that is too long for one server is sent to the next, however the server reports it.
func TestPromptsThatAreTooLong(t *testing.T) {
	const message = `"This model's maximum context length is 4096 tokens. However, you requested 9000 tokens"`
	for _, report := range []string{
		`{"error":{"message":` + message + `,"type":"invalid_request_error","param":["messages"],"code":"context_length_exceeded"}}`,
		`{"error":{"message":` + message + `,"code":400}}`,
		`{"error":{"message":"no","param":{"x":1},"code":"context_length_exceeded"}}`,
		`{"object":"error","message":` + message + `,"type":"BadRequestError","param":null,"code":400}`,
		`{"error":` + message + `}`,
	} {
		for name, script := range map[string]test.Script{"a status": {test.Answer(400, report)}, "an event": {test.Send("data: " + report + "\n\n")}} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(script), test.New(test.Whole("model-b", 60)))
				defer f.close()
				isWhole(t, f.stream(dialect.Chat, chatBody), "model-b")
				if !strings.HasSuffix(f.attempts.String(), ", b ok") {
					t.Errorf("%s %s: the attempts were %s", name, report, f.attempts)
				}
			})
		}
	}
}

// The client is shown that a key was refused only if it is its own.
func TestAKeyRefusedWithAStatusOfSuccess(t *testing.T) {
	const refused = `{"error":{"message":"your key is wrong","type":"authentication_error","code":401}}`
	for _, forward := range []bool{false, true} {
		for name, script := range map[string]test.Script{"an event": {test.Send("data: " + refused + "\n\n")}, "a body": {test.Answer(200, refused)}} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(c *Config) { c.Servers[0].ForwardAuthorization = forward }, test.New(script))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if r.err == nil {
					t.Fatalf("it is taken for a response: %q", r.chunks)
				}
				a := r.upstreamAnswer()
				if forward && (a == nil || a.Status != 401 || string(a.Body) != refused) || !forward && (a != nil || r.err.Code != apierr.CodeUpstreamUnauthorized) {
					t.Errorf("%s, forwarded %v: the client gets %v", name, forward, r.err)
				}
			})
		}
	}
}
