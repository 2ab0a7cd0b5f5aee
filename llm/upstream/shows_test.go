package upstream

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	test "penstock/llm/upstream/upstreamtest"
)

// TestFaultsEndWithTheWholeAnswer is what midstream: match and a healthy second upstream
// are for: whatever the first one does, the client gets everything, once.
func TestFaultsEndWithTheWholeAnswer(t *testing.T) {
	const a, b = "model-a", "model-b"
	for name, c := range map[string]struct {
		first []test.Script
		model string // who has the last word; b if empty
		asked string
		least time.Duration
		most  time.Duration
	}{
		"429 with Retry-After":    {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "2")}, test.Whole(a, 60)}, model: a, asked: "a rate_limited, a ok", least: 1800 * time.Millisecond, most: 4 * time.Second},
		"429 for ever":            {first: []test.Script{{test.Fail(429, "slow down")}}, asked: "a rate_limited, b ok", most: time.Second},
		"429 for a minute":        {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "60")}}, asked: "a rate_limited, b ok", most: time.Second},
		"429 for ever in seconds": {first: []test.Script{{test.Fail(429, "slow down", "Retry-After", "2")}}, asked: "a rate_limited, a rate_limited, b ok", least: 1800 * time.Millisecond, most: 4 * time.Second},
		"one 500":                 {first: []test.Script{{test.Fail(500, "oops")}, test.Whole(a, 60)}, model: a, asked: "a error, a ok", most: time.Second},
		"503 for ever":            {first: []test.Script{{test.Fail(503, "oops")}}, asked: "a error, a error, b ok", most: time.Second},
		"reset before headers":    {first: []test.Script{{test.Reset}}, asked: "a cut, a cut, b ok", most: time.Second},
		"no answer":               {first: []test.Script{{test.Pause(120 * time.Second), test.Send(test.Done)}}, asked: "a timeout, b ok", least: 10 * time.Second, most: 10 * time.Second},
		"first token late": {
			first: []test.Script{{test.Send(test.Role(a)), test.Pause(20 * time.Second), test.Tokens(a, 0, 60), test.Send(test.Done)}},
			asked: "a timeout, b ok", least: 10 * time.Second, most: 10 * time.Second,
		},
		"cut after 40 of 60":     {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 40), test.Cut}}, asked: "a cut, a cut, b rescued", most: time.Second},
		"cut once":               {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 40), test.Cut}, test.Whole(a, 60)}, model: a, asked: "a cut, a rescued", most: time.Second},
		"silent after 20":        {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}}, asked: "a timeout, a timeout, b rescued", least: 30 * time.Second, most: 30 * time.Second},
		"silent once":            {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}, test.Whole(a, 60)}, model: a, asked: "a timeout, a rescued", least: 15 * time.Second, most: 15 * time.Second},
		"silent, then dumb":      {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}, {test.Send(test.Role(a)), test.Stall}}, asked: "a timeout, a timeout, b rescued", least: 25 * time.Second, most: 25 * time.Second},
		"tenth event invalid":    {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 9), test.Send("data: {\"id\":\n\n"), test.Tokens(a, 10, 60), test.Send(test.Done)}}, asked: "a error, a error, b rescued", most: time.Second},
		"no [DONE]":              {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 60), test.Send(test.Finish(a)), test.Send(test.Usage(a))}}, model: a, asked: "a ok", most: time.Second},
		"context too long":       {first: []test.Script{{test.Fail(400, "context_length_exceeded")}}, asked: "a rejected, b ok", most: time.Second},
		"an error event":         {first: []test.Script{{test.Send(test.Role(a)), test.Tokens(a, 0, 5), test.Send("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n")}}, asked: "a error, a error, b rescued", most: time.Second},
		"a key that is not good": {first: []test.Script{{test.Fail(401, "invalid_api_key")}}, asked: "a unauthorized, b ok", most: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, func(c *Config) { c.Match = true }, test.New(c.first...), test.New(test.Whole(b, 60)))
				defer h.close()
				r := h.stream("chat", chatBody)
				if c.model == "" {
					c.model = b
				}
				isWhole(t, r, c.model)
				if got := h.asked.String(); got != c.asked {
					t.Errorf("asked was %s, and should have been %s", got, c.asked)
				}
				if r.took < c.least || r.took > c.most {
					t.Errorf("it took %v", r.took)
				}
				if r.calls != 1 || r.header.Get(headerUpstream) == "" {
					t.Errorf("the head came %d times, with %v", r.calls, r.header)
				}
			})
		})
	}
}

func TestRefusedContentIsNotFailedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := test.New(test.Whole("model-b", 60))
		h := build(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Fail(400, "content_policy_violation", "X-Request-Id", "req-1")}), second)
		defer h.close()
		r := h.stream("chat", chatBody)
		a := r.upstreamAnswer()
		if a == nil || a.Status != 400 || !strings.Contains(string(a.Body), "content_policy_violation") {
			t.Fatalf("the client is told %v", r.err)
		}
		if a.Header.Get("X-Upstream-Request-Id") != "req-1" || a.Header.Get("Content-Type") != "application/json" || a.Header.Get(headerUpstream) != "a" {
			t.Errorf("its headers are %v", a.Header)
		}
		if n := len(second.Requests(true)); n != 0 {
			t.Errorf("the second upstream was asked %d times", n)
		}
	})
}

// TestSilenceFromTheBeginning: whoever says nothing at all is not asked again, not even to go on with another's answer and
// with nobody else left.
func TestSilenceFromTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Tokens("model-a", 0, 10), test.Cut}), test.New(test.Script{test.Stall}))
		defer h.close()
		r := h.stream("chat", chatBody)
		if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || h.asked.String() != "a cut, a cut, b timeout" {
			t.Errorf("it ended with %v; asked was %s", r.err, h.asked)
		}
	})
}

// TestALimitWithoutATime: who wants less to do and does not say for how long is left alone for a moment.
func TestALimitWithoutATime(t *testing.T) {
	for name, c := range map[string]struct {
		script test.Script
		asks   int // of one request
	}{
		"429":                    {test.Script{test.Fail(429, "slow")}, 1},
		"429 with Retry-After 0": {test.Script{test.Fail(429, "slow", "Retry-After", "0")}, 2},
		"503 with Retry-After 0": {test.Script{test.Fail(503, "slow", "Retry-After", "0")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := test.New(c.script)
				h := build(t, nil, limited, test.New(test.Whole("model-b", 60)))
				defer h.close()
				for second := range 3 {
					for range 20 {
						isWhole(t, h.stream("chat", chatBody), "model-b")
					}
					if n := len(limited.Requests(true)); n != (second+1)*c.asks {
						t.Errorf("in second %d it has been asked %d times", second, n)
					}
					<-time.After(time.Second)
				}
			})
		})
	}
}

// TestNoPrefill: a server that takes no assistant message at the end is asked with the
// client's own request.
func TestNoPrefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := test.New(test.Whole("model-b", 60))
		strict := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { second.ServeHTTP(w, r) })
		h := build(t, func(c *Config) { c.Match = true }, test.New(test.Script{test.Tokens("model-a", 0, 10), test.Cut}), strict)
		defer h.close()
		isWhole(t, h.stream("chat", chatBody), "model-b")
		want := strings.Replace(chatBody, `"model":"gpt"`, `"model":"model-b"`, 1)
		if got := second.Requests(true)[0].Body; got != want {
			t.Errorf("the second upstream was asked %s", got)
		}
	})
}

func TestAnUpstreamThatIsDownForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := test.New(test.Script{test.Fail(503, "down")}), test.New(test.Whole("model-b", 60))
		h := build(t, func(c *Config) { c.Match = true }, first, second)
		defer h.close()
		begin := time.Now()
		var back time.Duration
		for time.Since(begin) < 2*time.Minute {
			if time.Since(begin) >= time.Minute {
				first.Play(test.Whole("model-a", 60))
			}
			r := h.stream("chat", chatBody)
			if r.err != nil {
				t.Fatalf("after %v: %v", time.Since(begin), r.err)
			}
			if back == 0 && r.model() == "model-a" {
				back = time.Since(begin)
			}
			if back > 0 && r.model() != "model-a" {
				t.Errorf("after %v the first upstream was left again", time.Since(begin))
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
			t.Errorf("it was asked %d times while it was down", down)
		}
	})
}
