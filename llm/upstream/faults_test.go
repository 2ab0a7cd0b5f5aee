package upstream

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	test "penstock/llm/upstream/upstreamtest"
)

// TestFaults is the table of what can go wrong with a single upstream, streamed and not:
// what the client is told, and what it was handed before.
func TestFaults(t *testing.T) {
	const m = "model-a"
	lookup := func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.test", IsNotFound: true}}
	}
	hang := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	long := `data: {"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 5<<20) + `"}}]}` + "\n\n"
	for name, c := range map[string]struct {
		script test.Script
		dial   func(context.Context) (net.Conn, error)
		tls    bool

		code    apierr.Code // "": the answer is whole
		status  int         // of the upstream's answer that the client gets as it was; 0: none
		retry   time.Duration
		streams int         // chunks handed on before the fault
		whole   apierr.Code // of the answer that is not streamed, where that is another
		outcome string
	}{
		"connection refused":      {dial: func(context.Context) (net.Conn, error) { return nil, errRefused }, code: "upstream_error", whole: "upstream_error", outcome: "unreachable"},
		"name not found":          {dial: lookup, code: "upstream_error", whole: "upstream_error", outcome: "unreachable"},
		"no connection":           {dial: hang, code: "upstream_timeout", whole: "upstream_timeout", outcome: "timeout"},
		"TLS failure":             {tls: true, script: test.Whole(m, 3), code: "upstream_error", whole: "upstream_error", outcome: "unreachable"},
		"401":                     {script: test.Script{test.Fail(401, "invalid_api_key")}, code: "upstream_unauthorized", whole: "upstream_unauthorized", outcome: "unauthorized"},
		"403":                     {script: test.Script{test.Fail(403, "forbidden")}, code: "upstream_unauthorized", whole: "upstream_unauthorized", outcome: "unauthorized"},
		"400":                     {script: test.Script{test.Fail(400, "bad")}, code: "invalid_input", status: 400, whole: "invalid_input", outcome: "rejected"},
		"404":                     {script: test.Script{test.Fail(404, "model_not_found")}, code: "invalid_input", status: 404, whole: "invalid_input", outcome: "rejected"},
		"429 with Retry-After":    {script: test.Script{test.Fail(429, "slow", "Retry-After", "30")}, code: "rate_limited", status: 429, retry: 30 * time.Second, whole: "rate_limited", outcome: "rate_limited"},
		"429 without Retry-After": {script: test.Script{test.Fail(429, "slow")}, code: "rate_limited", status: 429, whole: "rate_limited", outcome: "rate_limited"},
		"500":                     {script: test.Script{test.Fail(500, "oops")}, code: "upstream_error", status: 500, whole: "upstream_error", outcome: "error"},
		"503":                     {script: test.Script{test.Fail(503, "busy")}, code: "upstream_error", status: 503, whole: "upstream_error", outcome: "error"},
		"a redirection":           {script: test.Script{test.Answer(302, "", "Location", "http://evil.test/")}, code: "upstream_error", whole: "upstream_error", outcome: "error"},
		"stall before the head":   {script: test.Script{test.Stall}, code: "upstream_timeout", whole: "upstream_timeout", outcome: "timeout"},
		"stall after the head":    {script: test.Script{test.Head, test.Stall}, code: "upstream_timeout", whole: "upstream_timeout", outcome: "timeout"},
		"stall between tokens":    {script: test.Script{test.Send(test.Role(m)), test.Tokens(m, 0, 2), test.Stall}, code: "upstream_timeout", streams: 3, whole: "upstream_timeout", outcome: "timeout"},
		"reset before the head":   {script: test.Script{test.Reset}, code: "upstream_cut", whole: "upstream_cut", outcome: "cut"},
		"reset in the middle":     {script: test.Script{test.Tokens(m, 0, 2), test.Reset}, code: "upstream_cut", streams: 2, whole: "upstream_cut", outcome: "cut"},
		"cut in an event":         {script: test.Script{test.Tokens(m, 0, 2), test.Send(test.Token(m, 2)[:30]), test.Cut}, code: "upstream_cut", streams: 2, whole: "upstream_cut", outcome: "cut"},
		"ended in an event":       {script: test.Script{test.Tokens(m, 0, 2), test.Send(test.Token(m, 2)[:30])}, code: "upstream_cut", streams: 2, whole: "", outcome: "cut"},
		"cut between events":      {script: test.Script{test.Tokens(m, 0, 2), test.Cut}, code: "upstream_cut", streams: 2, whole: "upstream_cut", outcome: "cut"},
		"ended between events":    {script: test.Script{test.Tokens(m, 0, 2)}, code: "upstream_cut", streams: 2, whole: "", outcome: "cut"},
		"cut before [DONE]":       {script: test.Script{test.Tokens(m, 0, 2), test.Send(test.Finish(m)), test.Cut}, code: "upstream_cut", streams: 3, whole: "upstream_cut", outcome: "cut"},
		"ended before [DONE]":     {script: test.Script{test.Tokens(m, 0, 2), test.Send(test.Finish(m))}, streams: 3, outcome: "ok"},
		"open before [DONE]":      {script: test.Script{test.Tokens(m, 0, 2), test.Send(test.Finish(m)), test.Stall}, streams: 3, whole: "upstream_timeout", outcome: "ok"},
		"[DONE] without its line": {script: test.Script{test.Tokens(m, 0, 2), test.Send("data: [DONE]")}, streams: 2, outcome: "ok"},
		"[DONE] and a space":      {script: test.Script{test.Tokens(m, 0, 2), test.Send("data: [DONE] \n\n")}, streams: 2, outcome: "ok"},
		"invalid JSON":            {script: test.Script{test.Tokens(m, 0, 2), test.Send("data: {\"id\":}\n\n"), test.Send(test.Done)}, code: "upstream_error", streams: 2, outcome: "error"},
		"HTML":                    {script: test.Script{test.Answer(200, "<html>", "Content-Type", "text/html; charset=utf-8")}, code: "upstream_error", whole: "upstream_error", outcome: "error"},
		"JSON that is none":       {script: test.Script{test.Answer(200, "<html>")}, code: "upstream_error", whole: "upstream_error", outcome: "error"},
		"an error as a success":   {script: test.Script{test.Fail(200, "overloaded")}, code: "upstream_error", status: 502, whole: "upstream_error", outcome: "error"},
		"an error event":          {script: test.Script{test.Tokens(m, 0, 2), test.Send("data: {\"error\":{\"message\":\"overloaded\"}}\n\n")}, code: "upstream_error", streams: 2, outcome: "error"},
		"an error event first":    {script: test.Script{test.Send("event: error\ndata: {\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\"}}\n\n")}, code: "invalid_input", status: 400, outcome: "rejected"},
		"an event of 5 MiB":       {script: test.Script{test.Tokens(m, 0, 2), test.Send(long), test.Send(test.Done)}, code: "upstream_error", streams: 2, outcome: "error"},
	} {
		ask := func(t *testing.T, ask func(*house) *reply) *reply {
			first := test.New(c.script)
			h := build(t, func(config *Config) {
				if c.tls {
					config.Servers[0].BaseURL = "https://a.test/v1"
				}
			}, first)
			if c.dial != nil {
				h.dials["a.test:80"] = c.dial
			}
			h.dials["a.test:443"] = h.dials["a.test:80"]
			defer h.close()
			r := ask(h)
			if r.err != nil && (strings.Contains(r.err.Message, "a.test") || strings.Contains(r.err.Message, "sk-secret")) {
				t.Errorf("the client is told %q", r.err.Message)
			}
			t.Logf("asked: %s; error: %v", h.asked, r.err)
			if last := h.asked.asked[len(h.asked.asked)-1]; t.Name() == "TestFaults/"+strings.ReplaceAll(name, " ", "_")+"/streamed" && last != "a "+c.outcome {
				t.Errorf("the last request's outcome is %q", last)
			}
			return r
		}
		t.Run(name, func(t *testing.T) {
			t.Run("streamed", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := ask(t, func(h *house) *reply { return h.stream("chat", chatBody) })
					told(t, r, c.code, c.status, c.retry)
					if len(r.chunks) != c.streams {
						t.Errorf("%d chunks were handed on", len(r.chunks))
					}
				})
			})
			t.Run("whole", func(t *testing.T) {
				if c.script != nil && c.whole == "" {
					t.Log("not a fault of a whole answer")
					return
				}
				synctest.Test(t, func(t *testing.T) {
					r := ask(t, func(h *house) *reply { return h.whole("chat_whole") })
					told(t, r, c.whole, c.status, c.retry)
					if r.calls != 0 {
						t.Errorf("a head was handed on: %v", r.header)
					}
				})
			})
		})
	}
}

func told(t *testing.T, r *reply, code apierr.Code, status int, retry time.Duration) {
	t.Helper()
	switch {
	case code == "":
		if r.err != nil {
			t.Errorf("the client is told %v", r.err)
		}
		return
	case r.err == nil:
		t.Fatalf("the answer passes for whole: %q", r.chunks)
	case r.err.Code != code || r.err.RetryAfter != retry:
		t.Errorf("the client is told %v, retry after %v", r.err, r.err.RetryAfter)
	}
	switch a := r.upstreamAnswer(); {
	case status == 0 && a != nil && len(r.chunks) == 0:
		t.Errorf("the client gets the upstream's %d", a.Status)
	case status != 0 && (a == nil || a.Status != status || a.Header.Get(headerUpstream) != "a"):
		t.Errorf("the client gets %v", r.err)
	}
}

// TestWholeAnswers copies heads and bodies.
func TestWholeAnswers(t *testing.T) {
	big := `{"data":["` + strings.Repeat(`0123456789\"ab[\\`, 20000) + `"]}`
	for name, c := range map[string]struct {
		script test.Script
		body   string
		code   apierr.Code
	}{
		"short": {script: test.Script{test.Answer(200, test.Completion("m"), "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Set-Cookie", "no")}, body: test.Completion("m")},
		"long":  {script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5")}, body: big},
		"long and cut": {
			script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5"), test.Cut},
			body:   big, code: apierr.CodeUpstreamCut,
		},
		"long, until the connection ends": {
			script: test.Script{test.Answer(200, big, "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Transfer-Encoding", "identity")},
			body:   big,
		},
		"long and cut, until the connection ends": {
			script: test.Script{test.Answer(200, big[:len(big)-1], "X-Request-Id", "r1", "X-Ratelimit-Remaining-Tokens", "5", "Transfer-Encoding", "identity")},
			body:   big, code: apierr.CodeUpstreamCut,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(c.script)
				h := build(t, nil, u)
				defer h.close()
				for verb, path := range map[string]string{"chat_whole": "/v1/chat/completions", "complete_whole": "/v1/completions", "responses_whole": "/v1/responses", "embed": "/v1/embeddings"} {
					r := h.whole(verb)
					if (r.err == nil) != (c.code == "") || r.err != nil && r.err.Code != c.code {
						t.Fatalf("%s: %v", verb, r.err)
					}
					if !strings.HasPrefix(c.body, r.body.String()) || c.code == "" && r.body.Len() != len(c.body) {
						t.Errorf("%s: %d bytes came", verb, r.body.Len())
					}
					head := r.header
					if r.status != 200 || head.Get("X-Upstream-Request-Id") != "r1" || head.Get("X-Ratelimit-Remaining-Tokens") != "5" || head.Get(headerUpstream) != "a" || head.Get("Set-Cookie") != "" {
						t.Errorf("%s: the head is %d %v", verb, r.status, head)
					}
					last := u.Requests(true)
					request := last[len(last)-1]
					if request.Path != path || request.Header.Get("Authorization") != "Bearer sk-secret-a" || request.Header.Get("Content-Type") != "application/json" {
						t.Errorf("%s: the request was %+v", verb, request)
					}
				}
			})
		})
	}
}

// TestHeadersThatMatter are handed on, and no others.
func TestHeadersThatMatter(t *testing.T) {
	matter := []string{
		"X-Ratelimit-Remaining-Tokens", "5", "Ratelimit-Limit", "10", "Ratelimit-Remaining", "9", "Ratelimit-Reset", "3", "Ratelimit-Policy", "10;w=60", "Ratelimit", `"default";r=9`,
		"Openai-Processing-Ms", "12", "Retry-After", "30",
	}
	for _, status := range []int{200, 429} {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, nil, test.New(test.Script{test.Answer(status, test.Completion("m"), append([]string{"Set-Cookie", "no", "Server", "no", "Ratelimited", "no"}, matter...)...)}))
			defer h.close()
			r := h.whole("chat_whole")
			head := r.header
			if status != 200 {
				head = r.upstreamAnswer().Header
			}
			for i := 0; i < len(matter); i += 2 {
				if got := head.Get(matter[i]); got != matter[i+1] {
					t.Errorf("%d: %s is %q", status, matter[i], got)
				}
			}
			for _, no := range []string{"Set-Cookie", "Server", "Ratelimited"} {
				if head.Get(no) != "" {
					t.Errorf("%d: %s is handed on", status, no)
				}
			}
		})
	}
}

// TestCancellation: a client that leaves takes its request with it, at once, wherever that
// is.
func TestCancellation(t *testing.T) {
	for name, script := range map[string]test.Script{
		"before the head":        {test.Stall},
		"before the first token": {test.Send(test.Role("m")), test.Stall},
		"in mid-stream":          {test.Tokens("m", 0, 3), test.Stall},
		"before a retry":         {test.Fail(429, "slow", "Retry-After", "4")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := test.New(script)
				h := build(t, nil, u)
				defer h.close()
				ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
				defer leave()
				begin := time.Now()
				r := h.streamOn(ctx, "chat", chatBody, nil)
				synctest.Wait()
				if r.err == nil || r.took != 3*time.Second {
					t.Errorf("after %v: %v", r.took, r.err)
				}
				request := u.Requests(true)[0]
				if name != "before a retry" {
					if left := request.Left.Sub(begin); left < 3*time.Second || left > 3*time.Second+100*time.Millisecond {
						t.Errorf("the upstream's client left after %v", left)
					}
					if got := h.asked.String(); got != "a canceled" {
						t.Errorf("counted was %s", got)
					}
				}
				if s := h.engine.Snapshot(); s.Gates[1].InUse != 0 {
					t.Errorf("a permit is still held")
				}
			})
		})
	}
	t.Run("while connecting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, nil, test.New(test.Script{test.Stall}))
			defer h.close()
			h.dials["a.test:80"] = func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			if r := h.streamOn(ctx, "chat", chatBody, nil); r.err == nil || r.took != time.Second {
				t.Errorf("after %v: %v", r.took, r.err)
			}
			synctest.Wait()
			if got := h.asked.String(); got != "a canceled" {
				t.Errorf("counted was %s", got)
			}
		})
	})
}
