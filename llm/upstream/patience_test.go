package upstream

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// patient is the configuration by default, with Match.
func patient(c *Config) {
	c.Match = true
	c.Timeouts = Timeouts{
		Connect: 5 * time.Second, FailoverAfter: 10 * time.Second, FirstToken: 10 * time.Minute,
		BetweenTokens: 2 * time.Minute, Whole: 10 * time.Minute, Total: time.Hour,
	}
}

// every sends a piece n times, after each pause.
func every(pause time.Duration, n int, piece string) test.Script {
	var s test.Script
	for range n {
		s = append(s, test.Pause(pause), test.Send(piece))
	}
	return s
}

func scripts(parts ...test.Script) (s test.Script) {
	for _, p := range parts {
		s = append(s, p...)
	}
	return s
}

// Any byte is a sign of life: an upstream that thinks for minutes is neither cut nor doubled.
func TestAnyByteIsASignOfLife(t *testing.T) {
	const m = "model-a"
	for name, piece := range map[string]string{
		"a comment":         ": thinking\n\n",
		"half a comment":    ": think",
		"a blank line":      "\n",
		"a keepalive event": "event: keepalive\ndata: {}\n\n",
		"a role":            test.Role(m),
		"an empty chunk":    `data: {"choices":[]}` + "\n\n",
		"an empty event":    "data:\n\n",
	} {
		for where, script := range map[string]test.Script{
			"before the first token": scripts(test.Script{test.Head}, every(9*time.Second, 40, piece), test.Script{test.Send("\n\n")}, test.Whole(m, 60)),
			"between tokens":         scripts(test.Script{test.Tokens(m, 0, 1)}, every(9*time.Second, 40, piece), test.Script{test.Send("\n\n"), test.Tokens(m, 1, 60), test.Send(test.Finish(m) + test.Usage(m) + test.Done)}),
		} {
			t.Run(name+" "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					second := test.New(test.Whole("model-b", 60))
					f := newFixture(t, patient, test.New(script), second)
					defer f.close()
					r := f.stream(dialect.Chat, chatBody)
					isWhole(t, r, m)
					if r.took != 6*time.Minute || f.attempts.String() != "a ok" || len(second.Requests(true)) > 0 {
						t.Errorf("after %v the attempts were %s", r.took, f.attempts)
					}
				})
			})
		}
	}
}

// A whole response need not have ended some time after its head: each read gives it more.
func TestAWholeResponseMayTakeLongAfterItsHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := test.Script{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }, test.Head}
		script = append(script, every(9*time.Second, 100, " ")...)
		script = append(script, test.Send(test.Completion("a")))
		second := test.New(test.Script{test.Answer(200, test.Completion("b"))})
		f := newFixture(t, patient, test.New(script), second)
		defer f.close()
		r := f.whole(dialect.Chat)
		if r.err != nil || strings.TrimSpace(r.body.String()) != test.Completion("a") || r.took != 15*time.Minute || f.attempts.String() != "a ok" {
			t.Errorf("after %v: %v; the attempts were %s", r.took, r.err, f.attempts)
		}
	})
}

// An upstream that is silent is not given up when another is asked as well: what comes first is
// passed on, and the other request is canceled.
func TestASilentUpstreamIsHedged(t *testing.T) {
	const a, b, c = "model-a", "model-b", "model-c"
	stall := test.Script{test.Stall}
	late := func(d time.Duration, s test.Script) test.Script { return scripts(test.Script{test.Pause(d)}, s) }
	for name, row := range map[string]struct {
		upstreams []test.Script
		model     string
		attempts  string
		took      time.Duration
	}{
		"no response":                         {[]test.Script{stall, test.Whole(b, 60)}, b, "b ok, a canceled", 10 * time.Second},
		"a head alone":                        {[]test.Script{{test.Head, test.Stall}, test.Whole(b, 60)}, b, "b ok, a canceled", 10 * time.Second},
		"the first is faster all the same":    {[]test.Script{late(15*time.Second, test.Whole(a, 60)), late(time.Minute, test.Whole(b, 60))}, a, "a ok, b canceled", 15 * time.Second},
		"the second is no faster, and thinks": {[]test.Script{late(5*time.Minute, test.Whole(a, 60)), scripts(test.Script{test.Head}, every(9*time.Second, 60, ": thinking\n\n"))}, a, "a ok, b canceled", 5 * time.Minute},
		"the second fails":                    {[]test.Script{late(time.Minute, test.Whole(a, 60)), {test.Fail(401, "no")}}, a, "b unauthorized, a ok", time.Minute},
		"the second rejects it":               {[]test.Script{late(time.Minute, test.Whole(a, 60)), {test.Fail(400, "no")}}, a, "b rejected, a ok", time.Minute},
		"the second limits its rate":          {[]test.Script{late(time.Minute, test.Whole(a, 60)), {test.Fail(429, "no")}}, a, "b rate_limited, a ok", time.Minute},
		"the first fails then":                {[]test.Script{{test.Pause(11 * time.Second), test.Fail(401, "no")}, late(time.Minute, test.Whole(b, 60))}, b, "a unauthorized, b ok", 70 * time.Second},
		"the second fails, the third has it":  {[]test.Script{stall, {test.Fail(401, "no")}, test.Whole(c, 60)}, c, "b unauthorized, c ok, a canceled", 10 * time.Second},
		"three, one after another":            {[]test.Script{stall, stall, late(time.Second, test.Whole(c, 60))}, c, "c ok, a canceled, b canceled", 21 * time.Second},
		"alone":                               {[]test.Script{late(9*time.Minute, test.Whole(a, 60))}, a, "a ok", 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var upstreams []http.Handler
				var servers []*test.Server
				for _, s := range row.upstreams {
					servers = append(servers, test.New(s))
					upstreams = append(upstreams, servers[len(servers)-1])
				}
				f := newFixture(t, func(c *Config) { patient(c); c.Match = false }, upstreams...)
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				isWhole(t, r, row.model)
				if got := sorted(f.attempts.String()); got != sorted(row.attempts) || r.took.Truncate(time.Second) != row.took || r.calls != 1 {
					t.Errorf("after %v, with %d heads, the attempts were %s, not %s", r.took, r.calls, got, row.attempts)
				}
				if got := <-f.charges; got.CompletionTokens != 60 || got.PromptTokens != 7 || got.Estimated {
					t.Errorf("the request is charged with %+v", got)
				}
				for i, s := range servers {
					if n := len(s.Requests(true)); n != 1 {
						t.Errorf("server %d got %d requests", i, n)
					}
				}
				isIdle(t, f)
			})
		})
	}
}

// A whole response, and embeddings, are requested of another upstream as well.
func TestASilentUpstreamIsHedgedForWholeResponses(t *testing.T) {
	answer := func(model string) test.Act { return test.Answer(200, test.Completion(model)) }
	begun := test.Script{func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }, test.Send("{"), test.Stall}
	for name, row := range map[string]struct {
		first, second test.Script
		model         string
		attempts      string
		took          time.Duration
	}{
		"no response":            {test.Script{test.Stall}, test.Script{answer("b")}, "b", "a canceled, b ok", 10 * time.Second},
		"a body that stalls":     {begun, test.Script{answer("b")}, "b", "a canceled, b ok", 10 * time.Second},
		"the first has it first": {test.Script{test.Pause(30 * time.Second), answer("a")}, test.Script{test.Pause(30 * time.Second), answer("b")}, "a", "a ok, b canceled", 30 * time.Second},
		"the second fails":       {test.Script{test.Pause(30 * time.Second), answer("a")}, test.Script{test.Fail(401, "no")}, "a", "a ok, b unauthorized", 30 * time.Second},
	} {
		for _, d := range []dialect.Name{dialect.Chat, dialect.Completions, dialect.Responses, dialect.Embeddings} {
			t.Run(name+" "+string(d), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, patient, test.New(row.first), test.New(row.second))
					defer f.close()
					r := f.whole(d)
					if r.err != nil || r.body.String() != test.Completion(row.model) || r.calls != 1 || r.took != row.took {
						t.Errorf("after %v the client gets %q, %v", r.took, r.body.String(), r.err)
					}
					if got := sorted(f.attempts.String()); got != row.attempts {
						t.Errorf("the attempts were %s, not %s", got, row.attempts)
					}
					if got := <-f.charges; d != dialect.Embeddings && (got.PromptTokens != 3 || got.Estimated) || d == dialect.Embeddings && r.usage.PromptTokens != 3 {
						t.Errorf("the request is charged with %+v", got)
					}
					isIdle(t, f)
				})
			})
		}
	}
}

// With Match a silent upstream is hedged in the middle of a stream too: what continues first is
// passed on.
func TestASilentUpstreamIsHedgedInMidstream(t *testing.T) {
	const a, b = "model-a", "model-b"
	pause := func(d time.Duration) test.Script {
		return test.Script{test.Send(test.Role(a)), test.Tokens(a, 0, 20), test.Pause(d), test.Tokens(a, 20, 60), test.Send(test.Finish(a) + test.Usage(a) + test.Done)}
	}
	slow := scripts(test.Script{test.Send(test.Role(b)), test.Tokens(b, 0, 15)}, every(9*time.Second, 10, ": thinking\n\n"))
	other := test.Script{test.Send(test.ContentEvent("other"))}
	for name, row := range map[string]struct {
		first, second test.Script
		model         string
		attempts      string
		took          time.Duration
	}{
		"the second continues":              {pause(time.Hour), test.Whole(b, 60), b, "a canceled, b rescued", 10 * time.Second},
		"silent, then cut":                  {test.Script{test.Tokens(a, 0, 20), test.Pause(30 * time.Second), test.Cut}, test.Whole(b, 60), b, "a canceled, b rescued", 10 * time.Second},
		"the first continues first":         {pause(15 * time.Second), slow, a, "a ok, b canceled", 15 * time.Second},
		"the second says something else":    {pause(15 * time.Second), other, a, "a ok, b differs", 15 * time.Second},
		"the second fails":                  {pause(15 * time.Second), test.Script{test.Fail(401, "no")}, a, "a ok, b unauthorized", 15 * time.Second},
		"the first fails during the replay": {test.Script{test.Tokens(a, 0, 20), test.Pause(15 * time.Second), test.Reset}, scripts(test.Script{test.Pause(10 * time.Second)}, test.Whole(b, 60)), b, "", 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, patient, test.New(row.first, test.Script{test.Fail(401, "once")}), test.New(row.second))
				defer f.close()
				r := f.stream(dialect.Chat, chatBody)
				isWhole(t, r, row.model)
				if got := sorted(f.attempts.String()); row.attempts != "" && got != row.attempts || r.took != row.took || r.calls != 1 {
					t.Errorf("after %v the attempts were %s, not %s", r.took, got, row.attempts)
				}
				<-f.charges
				isIdle(t, f)
			})
		})
	}
	t.Run("not without Match", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			second := test.New(test.Whole(b, 60))
			f := newFixture(t, func(c *Config) { patient(c); c.Match = false }, test.New(pause(time.Minute)), second)
			defer f.close()
			isWhole(t, f.stream(dialect.Chat, chatBody), a)
			if n := len(second.Requests(true)); n > 0 {
				t.Errorf("%d requests were sent to the second", n)
			}
		})
	})
}

// A client that leaves cancels all requests.
func TestADisconnectCancelsAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := test.New(test.Script{test.Stall}), test.New(test.Script{test.Stall})
		f := newFixture(t, patient, first, second)
		defer f.close()
		ctx, disconnect := context.WithTimeout(t.Context(), 15*time.Second)
		defer disconnect()
		begin := time.Now()
		r := f.streamUntil(ctx, dialect.Chat, dialect.Input{Body: []byte(chatBody)})
		synctest.Wait()
		if r.err == nil || r.took != 15*time.Second {
			t.Errorf("after %v: %v", r.took, r.err)
		}
		for _, u := range []*test.Server{first, second} {
			if left := u.Requests(true)[0].Left.Sub(begin).Round(time.Second); left != 15*time.Second {
				t.Errorf("the request was canceled after %v", left)
			}
		}
		if got := sorted(f.attempts.String()); got != "a canceled, b canceled" {
			t.Errorf("the attempts were %s", got)
		}
		if got := <-f.charges; got.PromptTokens == 0 || got.CompletionTokens != 0 {
			t.Errorf("it is charged with %+v", got)
		}
		isIdle(t, f)
	})
}

// sorted returns outcomes in the order of their servers: those of several requests at once end in
// any order.
func sorted(outcomes string) string {
	list := strings.Split(outcomes, ", ")
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// isIdle checks that nothing is left of the requests.
func isIdle(t *testing.T, f *fixture) {
	t.Helper()
	synctest.Wait()
	if s := f.engine.Snapshot(); s.Gates[1].InUse != 0 {
		t.Error("a permit is still held")
	}
}
