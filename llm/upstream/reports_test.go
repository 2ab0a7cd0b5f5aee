package upstream

import (
	"strings"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	test "penstock/llm/upstream/upstreamtest"
)

// TestReportsOfErrors: however a server writes that something went wrong, in an event or in what thinks itself a success,
// the client gets its words.
func TestReportsOfErrors(t *testing.T) {
	const flat = `{"object":"error","message":"engine died","type":"InternalServerError","param":null,"code":500}`
	for name, c := range map[string]struct {
		report string
		status int
		body   string // of what the client gets, where it is not the report
		words  string // in the message
	}{
		"OpenAI's":             {report: `{"error":{"message":"overloaded","type":"server_error","param":null,"code":503}}`, status: 503, words: "overloaded"},
		"a text":               {report: `{"error":"model runner stopped"}`, status: 502, body: `{"error":{"message":"model runner stopped","type":"server_error","param":null,"code":null}}`, words: "model runner stopped"},
		"an odd param":         {report: `{"error":{"message":"bad","type":"invalid_request_error","param":["x"]}}`, status: 400, words: "bad"},
		"no words":             {report: `{"error":{"code":503,"hint":{"x":1}}}`, status: 503},
		"words that are none":  {report: `{"error":{"message":["a"],"code":"503"}}`, status: 503},
		"without an envelope":  {report: flat, status: 500, body: `{"error":{"message":"engine died","type":"InternalServerError","param":null,"code":"500"}}`, words: "engine died"},
		"yes":                  {report: `{"error":true,"message":"no"}`, status: 502, body: `{"error":{"message":"no","type":"server_error","param":null,"code":null}}`, words: "no"},
		"with words elsewhere": {report: `{"error":{"reason":"x"},"choices":[]}`, status: 502},
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
					h := build(t, nil, test.New(script))
					defer h.close()
					ask := func() *reply { return h.stream("chat", chatBody) }
					if way == "a whole body" {
						ask = func() *reply { return h.whole("chat_whole") }
					}
					r := ask()
					if r.err == nil {
						t.Fatalf("it passes for an answer: %q", r.chunks)
					}
					if a := r.upstreamAnswer(); a == nil || a.Status != c.status || string(a.Body) != body {
						t.Fatalf("the client is told %v: %+v", r.err, a)
					}
					if !strings.HasSuffix(r.err.Message, c.words) {
						t.Errorf("the message is %q", r.err.Message)
					}
				})
			})
		}
	}
	t.Run("in the middle", func(t *testing.T) {
		for _, report := range []string{flat, `{"error":"engine died"}`} {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, nil, test.New(test.Script{test.Tokens("m", 0, 2), test.Send("data: " + report + "\n\n" + test.Done)}))
				defer h.close()
				r := h.stream("chat", chatBody)
				if r.err == nil || r.err.Code != apierr.CodeUpstreamError || !strings.HasSuffix(r.err.Message, ": engine died") || len(r.chunks) != 2 {
					t.Errorf("%d chunks, then %v", len(r.chunks), r.err)
				}
			})
		}
	})
}

// TestNoReports: some servers send the member "error" with every event.
func TestNoReports(t *testing.T) {
	for _, none := range []string{"null", "{}", `""`, "[]", "false"} {
		synctest.Test(t, func(t *testing.T) {
			whole := `{"choices":[],"error":` + none + `}`
			h := build(t, nil, test.New(test.Script{test.Send(`data: {"error":` + none + `,"choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n" + test.Done)}, test.Script{test.Answer(200, whole)}))
			defer h.close()
			if r := h.stream("chat", chatBody); r.err != nil || r.text() != "a" {
				t.Errorf("with %s the client is told %v", none, r.err)
			}
			if r := h.whole("chat_whole"); r.err != nil || r.body.String() != whole {
				t.Errorf("with %s the client is told %v", none, r.err)
			}
		})
	}
}

// TestTooLongHoweverItIsSaid: another server may have room.
func TestTooLongHoweverItIsSaid(t *testing.T) {
	const words = `"This model's maximum context length is 4096 tokens. However, you requested 9000 tokens"`
	for _, report := range []string{
		`{"error":{"message":` + words + `,"type":"invalid_request_error","param":["messages"],"code":"context_length_exceeded"}}`,
		`{"error":{"message":` + words + `,"code":400}}`,
		`{"error":{"message":"no","param":{"x":1},"code":"context_length_exceeded"}}`,
		`{"object":"error","message":` + words + `,"type":"BadRequestError","param":null,"code":400}`,
		`{"error":` + words + `}`,
	} {
		for name, script := range map[string]test.Script{"a status": {test.Answer(400, report)}, "an event": {test.Send("data: " + report + "\n\n")}} {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, nil, test.New(script), test.New(test.Whole("model-b", 60)))
				defer h.close()
				isWhole(t, h.stream("chat", chatBody), "model-b")
				if !strings.HasSuffix(h.asked.String(), ", b ok") {
					t.Errorf("%s %s: asked was %s", name, report, h.asked)
				}
			})
		}
	}
}

// TestAKeyRefusedInASuccess: with the client's own key it is the client who is told.
func TestAKeyRefusedInASuccess(t *testing.T) {
	const refused = `{"error":{"message":"your key is wrong","type":"authentication_error","code":401}}`
	for _, forward := range []bool{false, true} {
		for name, script := range map[string]test.Script{"an event": {test.Send("data: " + refused + "\n\n")}, "a body": {test.Answer(200, refused)}} {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, func(c *Config) { c.Servers[0].ForwardAuthorization = forward }, test.New(script))
				defer h.close()
				r := h.stream("chat", chatBody)
				if r.err == nil {
					t.Fatalf("it passes for an answer: %q", r.chunks)
				}
				a := r.upstreamAnswer()
				if forward && (a == nil || a.Status != 401 || string(a.Body) != refused) || !forward && (a != nil || r.err.Code != apierr.CodeUpstreamUnauthorized) {
					t.Errorf("%s, forwarded %v: the client is told %v", name, forward, r.err)
				}
			})
		}
	}
}
