package upstream

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// With Match and a healthy second upstream the client gets the complete response, once, whatever
// the first upstream does.
func TestFailuresThatAClientDoesNotSee(t *testing.T) {
	const a, b = "model-a", "model-b"
	for name, c := range map[string]struct {
		first    []test.Script
		model    string // of the last chunk; b if empty
		attempts string
		least    time.Duration
		most     time.Duration
	}{
		"429 with Retry-After":    {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "2")}, test.Whole(a, 60)}, attempts: "a rate_limited, b ok", most: time.Second},
		"429 for ever":            {first: []test.Script{{test.Fail(429, "slow down")}}, attempts: "a rate_limited, b ok", most: time.Second},
		"429 for a minute":        {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "60")}}, attempts: "a rate_limited, b ok", most: time.Second},
		"429 for ever in seconds": {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "2")}}, attempts: "a rate_limited, b ok", most: time.Second},
		"one 500":                 {first: []test.Script{{test.Fail(500, "oops")}, test.Whole(a, 60)}, model: a, attempts: "a error, a ok", most: time.Second},
		"503 for ever":            {first: []test.Script{{test.Fail(503, "oops")}}, attempts: "a error, a error, b ok", most: time.Second},
		"reset before headers":    {first: []test.Script{{test.Reset}}, attempts: "a cut, a cut, b ok", most: time.Second},
		"no response":             {first: []test.Script{{test.Pause(120 * time.Second), test.Send(test.Done)}}, attempts: "a timeout, b ok", least: 10 * time.Second, most: 10 * time.Second},
		"first token late": {
			first:    []test.Script{{test.Send(test.Role(a)), test.Pause(20 * time.Second), test.Tokens(a, 0, 60), test.Send(test.Done)}},
			attempts: "a timeout, b ok", least: 10 * time.Second, most: 10 * time.Second,
		},
		"cut after 40 of 60":    {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 40), test.Cut}}, attempts: "a cut, a cut, b rescued", most: time.Second},
		"cut once":              {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 40), test.Cut}, test.Whole(a, 60)}, model: a, attempts: "a cut, a rescued", most: time.Second},
		"stalled after 20":      {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}}, attempts: "a timeout, b rescued", least: 15 * time.Second, most: 15 * time.Second},
		"stalled once":          {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}, test.Whole(a, 60)}, attempts: "a timeout, b rescued", least: 15 * time.Second, most: 15 * time.Second},
		"tenth event invalid":   {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 9), test.Send("data: {\"id\":\n\n"), test.Tokens(a, 10, 60), test.Send(test.Done)}}, attempts: "a error, a error, b rescued", most: time.Second},
		"no [DONE]":             {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 60), test.Send(test.Finish(a)), test.Send(test.Usage(a))}}, model: a, attempts: "a ok", most: time.Second},
		"context too long":      {first: []test.Script{{test.Fail(400, "context_length_exceeded")}}, attempts: "a rejected, b ok", most: time.Second},
		"an error event":        {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 5), test.Send("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n")}}, attempts: "a error, a error, b rescued", most: time.Second},
		"a key that is refused": {first: []test.Script{{test.Fail(401, "invalid_api_key")}}, attempts: "a unauthorized, b ok", most: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, func(c *Config) { c.Match = true }, test.New(c.first...), test.New(test.Whole(b, 60)))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				if c.model == "" {
					c.model = b
				}
				isWhole(t, r, c.model)
				if got := f.attempts.String(); got != c.attempts {
					t.Errorf("the attempts were %s, not %s", got, c.attempts)
				}
				if r.took < c.least || r.took > c.most {
					t.Errorf("it took %v", r.took)
				}
				if r.calls != 1 || r.header.Get(headerUpstream) == "" {
					t.Errorf("the head was passed on %d times, with %v", r.calls, r.header)
				}
			})
		})
	}
}

func TestRejectedContentIsNotFailedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := test.New(test.Whole("model-b", 60))
		f := newFixture(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Fail(400, "content_policy_violation", "X-Request-Id", "req-1")}), second)
		defer f.close()
		r := f.stream(dialect.Chat, chatBody)
		a := r.upstreamAnswer()
		if a == nil || a.Status != 400 || !strings.Contains(string(a.Body), "content_policy_violation") {
			t.Fatalf("the client gets %v", r.err)
		}
		if a.Header.Get("X-Upstream-Request-Id") != "req-1" || a.Header.Get("Content-Type") != "application/json" || a.Header.Get(headerUpstream) != "a" {
			t.Errorf("its headers are %v", a.Header)
		}
		if n := len(second.Requests(true)); n != 0 {
			t.Errorf("the second upstream got %d requests", n)
		}
	})
}

// An upstream that sends nothing at all gets no second request, not even to continue a response
// that was cut, and with no other upstream left.
func TestAnUpstreamThatSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Tokens("model-a", 0, 10), test.Cut}), test.New(test.Script{test.Stall}))
		defer f.close()
		r := f.stream(dialect.Chat, chatBody)
		if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || f.attempts.String() != "a cut, a cut, b timeout" {
			t.Errorf("it ended with %v; the attempts were %s", r.err, f.attempts)
		}
	})
}

// An upstream with a rate limit that does not say for how long cools down for a moment.
func TestARateLimitWithoutATime(t *testing.T) {
	for name, c := range map[string]struct {
		script   test.Script
		attempts int // of one request
	}{
		"429":                    {test.Script{test.Fail(429, "slow")}, 1},
		"429 with Retry-After 0": {test.Script{test.Fail(429, "slow", "Retry-After", "0")}, 1},
		"503 with Retry-After 0": {test.Script{test.Fail(503, "slow", "Retry-After", "0")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := test.New(c.script)
				f := newFixture(t, nil, limited, test.New(test.Whole("model-b", 60)))
				defer f.close()
				for second := range 3 {
					for range 20 {
						isWhole(t, f.stream(dialect.Chat, chatBody), "model-b")
					}
					if n := len(limited.Requests(true)); n != (second+1)*c.attempts {
						t.Errorf("in second %d it has got %d requests", second, n)
					}
					<-time.After(time.Second)
				}
			})
		})
	}
}

// The request that continues a response is the client's own: servers may refuse a conversation that
// ends with a part of the response.
func TestAResumeSendsTheClientsOwnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := test.New(test.Whole("model-b", 60))
		strict := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { second.ServeHTTP(w, r) })
		f := newFixture(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Tokens("model-a", 0, 10), test.Cut}), strict)
		defer f.close()
		isWhole(t, f.stream(dialect.Chat, chatBody), "model-b")
		want := strings.Replace(chatBody, `"model":"gpt"`, `"model":"model-b"`, 1)
		if got := second.Requests(true)[0].Body; got != want {
			t.Errorf("the second upstream got %s", got)
		}
	})
}

func TestAnUpstreamThatIsDownForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := test.New(test.Script{test.Fail(503, "down")}), test.New(test.Whole("model-b", 60))
		f := newFixture(t, func(c *Config) { c.Match = true }, first, second)
		defer f.close()
		begin := time.Now()
		var back time.Duration
		for time.Since(begin) < 2*time.Minute {
			if time.Since(begin) >= time.Minute {
				first.Play(test.Whole("model-a", 60))
			}
			r := f.stream(dialect.Chat, chatBody)
			if r.err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), r.err)
			}
			if back == 0 && r.model() == "model-a" {
				back = time.Since(begin)
			}
			if back > 0 && r.model() != "model-a" {
				t.Errorf("after %v the first upstream was not used", time.Since(begin))
			}
			<-time.After(4 * time.Second)
		}
		if back == 0 || back > 90*time.Second {
			t.Errorf("it was back after %v", back)
		}
		down := 0
		for _, r := range first.Requests(true) {
			if r.At.Sub(begin) < time.Minute {
				down++
			}
		}
		if down > 10 {
			t.Errorf("it got %d requests while it was down", down)
		}
	})
}
