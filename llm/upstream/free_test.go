package upstream

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// A rate limit that says for how long it lasts is waited for only if no other upstream is free, and
// of several the one that ends first. The upstream that fell silent is used again when it is alone.
func TestWhatIsWaitedForWhenNoOtherIsFree(t *testing.T) {
	const a, b = "model-a", "model-b"
	limited := func(seconds string) test.Script {
		return test.Script{test.Fail(429, "slow down", "Retry-After", seconds)}
	}
	stalls := test.Script{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Stall}
	for name, row := range map[string]struct {
		upstreams [][]test.Script
		model     string
		attempts  string
		least     time.Duration
	}{
		"another is free":                  {[][]test.Script{{limited("2")}, {test.Whole(b, 60)}}, b, "a rate_limited, b ok", 0},
		"it is alone":                      {[][]test.Script{{limited("2"), test.Whole(a, 60)}}, a, "a rate_limited, a ok", 2 * time.Second},
		"the other fails":                  {[][]test.Script{{limited("2"), test.Whole(a, 60)}, {{test.Fail(401, "no")}}}, a, "a rate_limited, b unauthorized, a ok", 2 * time.Second},
		"the other's limit ends first":     {[][]test.Script{{limited("5")}, {limited("1"), test.Whole(b, 60)}}, b, "a rate_limited, b rate_limited, b ok", time.Second},
		"the other's limit ends later":     {[][]test.Script{{limited("1"), test.Whole(a, 60)}, {limited("5")}}, a, "a rate_limited, b rate_limited, a ok", time.Second},
		"silent in midstream, alone":       {[][]test.Script{{stalls, test.Whole(a, 60)}}, a, "a timeout, a rescued", 2 * time.Minute},
		"silent, and the other fails":      {[][]test.Script{{stalls, test.Whole(a, 60)}, {{test.Fail(401, "no")}}}, a, "b unauthorized, a timeout, a rescued", 2 * time.Minute},
		"silent, and the other is limited": {[][]test.Script{{stalls, {test.Fail(401, "no")}}, {limited("5"), test.Whole(b, 60)}}, b, "a canceled, b rate_limited, b rescued", 15 * time.Second},
		"cut, and the other is limited":    {[][]test.Script{{{test.Tokens(a, 0, 20), test.Cut}}, {limited("3"), test.Whole(b, 60)}}, b, "a cut, a cut, b rate_limited, b rescued", 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var upstreams []http.Handler
				for _, s := range row.upstreams {
					upstreams = append(upstreams, test.New(s...))
				}
				f := newFixture(t, patient, upstreams...)
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				isWhole(t, r, row.model)
				got := f.attempts.String()
				if strings.Contains(got, "canceled") { // which ends beside the other
					got = sorted(got)
				}
				if got != row.attempts || r.took < row.least || r.took > row.least+time.Second {
					t.Errorf("after %v the attempts were %s, not %s", r.took, got, row.attempts)
				}
				isIdle(t, f)
			})
		})
	}
}

// An upstream that is not free is not asked as well.
func TestOnlyAFreeUpstreamIsAskedAsWell(t *testing.T) {
	for name, row := range map[string]struct {
		second test.Script
		never  bool
		asked  int // the second, by all requests
	}{
		"it is free":         {test.Whole("model-b", 60), false, 2},
		"it is cooling down": {test.Script{test.Fail(429, "slow down", "Retry-After", "60")}, false, 1},
		"never":              {test.Whole("model-b", 60), true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := test.New(row.second)
				f := newFixture(t, func(c *Config) {
					patient(c)
					if row.never {
						c.Timeouts.FailoverAfter = 0
					}
				}, test.New(scripts(test.Script{test.Head, test.Pause(19 * time.Second)}, test.Whole("model-a", 60))), second)
				defer f.close()
				for range 2 {
					if r := f.stream(dialect.Chat, chatBody); r.err != nil {
						t.Error(r.err)
					}
				}
				if n := len(second.Requests(true)); n != row.asked {
					t.Errorf("the second got %d requests: %s", n, f.attempts)
				}
			})
		})
	}
}

// Requests need not wait one after another for an upstream that accepts them and sends nothing.
func TestAnUpstreamThatWasNotFasterCoolsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := test.New(test.Script{test.Stall})
		f := newFixture(t, patient, hung, test.New(test.Whole("model-b", 60)))
		defer f.close()
		slow := 0
		for range 20 {
			r := f.stream(dialect.Chat, chatBody)
			isWhole(t, r, "model-b")
			if r.took >= time.Second {
				slow++
			}
			<-time.After(time.Second)
		}
		if n := len(hung.Requests(true)); n != 2 || slow != 2 {
			t.Errorf("%d requests waited, and it got %d", slow, n)
		}
	})
}
