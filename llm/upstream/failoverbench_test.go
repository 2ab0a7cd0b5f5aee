package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// The cases of the public failoverbench that are one request, with the default timeouts and Match:
// what its wall does, what it demands of a pass, and of the requests that the first upstream gets.
// Of its first case only what it requires is held: it is answered by the second upstream at once.
func TestFailoverbench(t *testing.T) {
	const a, b = "model-a", "model-b"
	role := test.Send(test.Role(a))
	stream := func(acts ...test.Act) test.Script { return append(test.Script{role}, acts...) }
	end := test.Send(test.Finish(a) + test.Usage(a) + test.Done)
	for name, c := range map[string]struct {
		first       []test.Script // the last one for all further requests
		most        time.Duration
		least, asks int // the first upstream's requests
	}{
		"S01 429 with Retry-After":       {[]test.Script{{test.Fail(429, "slow", "Retry-After", "2")}, test.Whole(a, 60)}, 20 * time.Second, 1, 2},
		"S02 429 without, persistent":    {[]test.Script{{test.Fail(429, "slow")}}, 40 * time.Second, 1, 4},
		"S03 500 once":                   {[]test.Script{{test.Fail(500, "oops")}, test.Whole(a, 60)}, 20 * time.Second, 2, 2},
		"S04, S16 503 persistent":        {[]test.Script{{test.Fail(503, "overloaded")}}, 40 * time.Second, 1, 6},
		"S05 reset before headers":       {[]test.Script{{test.Reset}, test.Whole(a, 60)}, 20 * time.Second, 1, 6},
		"S06 no response":                {[]test.Script{{test.Pause(120 * time.Second), test.Reset}}, 100 * time.Second, 1, 1},
		"S07 slow first token":           {[]test.Script{{test.Head, test.Pause(20 * time.Second), role, test.Tokens(a, 0, 60), end}}, 15 * time.Second, 1, 6},
		"S08, S14 cut after 40":          {[]test.Script{stream(test.Tokens(a, 0, 40), test.Cut)}, 40 * time.Second, 1, 6},
		"S09 stalled after 20":           {[]test.Script{stream(test.Tokens(a, 0, 20), test.Pause(30*time.Second), test.Cut)}, 45 * time.Second, 1, 6},
		"S10 a malformed chunk":          {[]test.Script{stream(test.Tokens(a, 0, 10), test.Send("data: {\"choices\": [{\"delta\": {\"content\": \n\n"), test.Tokens(a, 10, 60), end)}, 30 * time.Second, 1, 6},
		"S11 no [DONE]":                  {[]test.Script{stream(test.Tokens(a, 0, 60), test.Send(test.Finish(a)+test.Usage(a)))}, 8 * time.Second, 1, 1},
		"S12 context length":             {[]test.Script{{test.Fail(400, "context_length_exceeded")}}, 20 * time.Second, 1, 1},
		"S15 down, as one of its twenty": {[]test.Script{{test.Fail(503, "overloaded")}}, 30 * time.Second, 1, 6},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := test.New(c.first...)
				f := newFixture(t, patient, first, test.New(test.Whole(b, 60)))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				isWhole(t, r, r.model())
				if n := len(first.Requests(true)); r.took > c.most || n < c.least || n > c.asks {
					t.Errorf("after %v the first upstream has got %d requests: %s", r.took, n, f.attempts)
				}
			})
		})
	}
	t.Run("S13 content filter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			first := test.New(test.Script{test.Fail(400, "content_policy_violation")})
			f := newFixture(t, patient, first, test.New(test.Whole(b, 60)))
			defer f.close()
			if r := f.stream(dialect.Chat, chatBody); r.upstreamAnswer() == nil || len(first.Requests(true)) != 1 {
				t.Errorf("the client gets %v; the attempts were %s", r.err, f.attempts)
			}
		})
	})
}
