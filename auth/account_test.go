package auth

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// open returns a caller with limits.
func open(t *testing.T, l Limits) *Caller {
	t.Helper()
	return identified(t, openOptions(t, Options{Keys: []Key{{Name: "k", SHA256: Digest("secret"), Limits: l}}}), "secret")
}

func openOptions(t *testing.T, o Options) *Auth {
	t.Helper()
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func identified(t *testing.T, a *Auth, credential string) *Caller {
	t.Helper()
	c, err := a.identify(t.Context(), credential)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func admitted(t *testing.T, c *Caller, r Request) *Grant {
	t.Helper()
	g, err := c.Admit(r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// refused returns why and until when a request is refused.
func refused(t *testing.T, c *Caller, r Request) (Reason, time.Duration) {
	t.Helper()
	_, err := c.Admit(r)
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("the request was not refused: %v", err)
	}
	return refusal.Reason, refusal.RetryAfter
}

func TestRequestsBurstToTheirLimitAndComeBackEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Limits{RequestsPerMinute: 60})
		for range 60 {
			admitted(t, c, Request{}).Settle(0, 0, false)
		}
		for range 100 { // what is refused is not charged
			if reason, wait := refused(t, c, Request{}); reason != TooManyRequests || wait != time.Second {
				t.Fatalf("refused with %s for %s", reason, wait)
			}
		}
		time.Sleep(time.Second - time.Microsecond)
		if _, wait := refused(t, c, Request{}); wait != time.Microsecond {
			t.Errorf("a microsecond early the wait is %s", wait)
		}
		time.Sleep(time.Microsecond)
		if m := admitted(t, c, Request{}).Meters.Requests; m != (Meter{60, 0, time.Minute}) {
			t.Errorf("the meter is %+v", m)
		}
		refused(t, c, Request{})
		time.Sleep(time.Hour)
		if m := admitted(t, c, Request{}).Meters.Requests; m != (Meter{60, 59, time.Second}) {
			t.Errorf("the meter is %+v", m)
		}
	})
}

// Retry-After is honest: a request that waits as long is admitted, and one that waits less is not.
func TestWaitsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			limit := 1 + random.Int64N(100_000)
			c := open(t, Limits{TokensPerMinute: limit})
			for range 20 {
				r := Request{Prompt: random.Int64N(limit) + 1}
				if g, err := c.Admit(r); err == nil {
					g.Settle(random.Int64N(2*r.Prompt), 0, false)
				} else {
					_, wait := refused(t, c, r)
					time.Sleep(wait - time.Microsecond)
					refused(t, c, r)
					time.Sleep(time.Microsecond)
					admitted(t, c, r)
				}
				time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
			}
		}
	})
}

func TestTokensAreReservedAndThenCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Limits{TokensPerMinute: 1000, TokensPerDay: 5000, TokensPerMonth: 9000})
		g := admitted(t, c, Request{Prompt: 100, Completion: 800, Generates: true})
		if g.Meters.Tokens.Remaining != 100 {
			t.Errorf("%d tokens remain beside the reservation", g.Meters.Tokens.Remaining)
		}
		if reason, _ := refused(t, c, Request{Prompt: 101, Completion: 0}); reason != TooManyTokens {
			t.Errorf("refused for %s", reason)
		}
		g.Settle(90, 10, true)
		g.Settle(1000, 1000, true) // counts once
		g.Cancel()
		if m := admitted(t, c, Request{}).Meters.Tokens; m.Remaining != 900 {
			t.Errorf("%d tokens remain after 100 were used", m.Remaining)
		}
		if n := c.account.day.used; n != 100 {
			t.Errorf("%d of the day's tokens are used", n)
		}
		// More than was reserved is owed.
		admitted(t, c, Request{Prompt: 100}).Settle(1900, 0, false)
		if _, wait := refused(t, c, Request{Prompt: 1}); wait != 60*time.Second+60*time.Millisecond {
			t.Errorf("the debt is waited for %s", wait)
		}
		if reason, wait := refused(t, c, Request{Prompt: 1, Completion: 1000}); reason != TooLarge || wait != 0 {
			t.Errorf("what can never fit is refused for %s, until %s", reason, wait)
		}
	})
}

func TestACompletionWithoutABoundIsAssumed(t *testing.T) {
	for name, test := range map[string]struct {
		limits Limits
		used   int64 // before
		want   int64
	}{
		"no limits":           {Limits{}, 0, 0},
		"large limits":        {Limits{TokensPerMinute: 100_000}, 0, 10 + defaultCompletion},
		"a small limit":       {Limits{TokensPerMinute: 100}, 0, 100},
		"little of a budget":  {Limits{TokensPerDay: 1000}, 950, 50},
		"little of the month": {Limits{TokensPerMonth: 1000}, 960, 40},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, test.limits)
			if test.used > 0 {
				admitted(t, c, Request{Prompt: test.used}).Settle(test.used, 0, false)
			}
			if g := admitted(t, c, Request{Prompt: 10, Generates: true}); g.reserved != test.want {
				t.Errorf("%d tokens are reserved, not %d", g.reserved, test.want)
			}
		})
	}
}

func TestBudgetsAreOfCalendarPeriodsInUTC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01 00:00 UTC
		time.Sleep(30*24*time.Hour + 22*time.Hour) // January 31st
		c := open(t, Limits{TokensPerDay: 100, TokensPerMonth: 150})
		admitted(t, c, Request{Prompt: 100}).Settle(100, 0, false)
		if reason, wait := refused(t, c, Request{Prompt: 1}); reason != DaySpent || wait != 2*time.Hour {
			t.Errorf("refused for %s, until %s", reason, wait)
		}
		overnight := admitted(t, open(t, Limits{TokensPerDay: 100}), Request{Prompt: 100})
		time.Sleep(2 * time.Hour) // February
		admitted(t, c, Request{Prompt: 100}).Settle(100, 0, false)
		time.Sleep(24 * time.Hour)
		if reason, wait := refused(t, c, Request{Prompt: 51}); reason != MonthSpent || wait != 28*24*time.Hour {
			t.Errorf("refused for %s, until %s", reason, wait)
		}
		admitted(t, c, Request{Prompt: 50})
		overnight.Settle(30, 0, false) // of a day that is over
		if n := overnight.account.day.used; n != 0 {
			t.Errorf("%d tokens count today", n)
		}
	})
}

func TestStreamsAtOnce(t *testing.T) {
	c := open(t, Limits{Streams: 2, RequestsPerMinute: 100})
	first := admitted(t, c, Request{Stream: true})
	admitted(t, c, Request{Stream: true})
	if reason, _ := refused(t, c, Request{Stream: true}); reason != TooManyStreams {
		t.Errorf("refused for %s", reason)
	}
	admitted(t, c, Request{}) // it opens none
	first.Cancel()
	if g := admitted(t, c, Request{Stream: true}); g.Meters.Requests.Remaining != 97 { // the canceled one came back
		t.Errorf("%d requests remain", g.Meters.Requests.Remaining)
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"m", "m", true},
		{"m", "mm", false},
		{"*", "a/b", true},
		{"openai/*", "openai/clip", true},
		{"openai/*", "openai", false},
		{"*clip*", "openai/clip-vit", true},
		{"a*b*c", "a/b/c", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"*-mini", "gpt-4o-mini", true},
		{"gpt.4", "gptx4", false},
	} {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.name, got)
		}
	}
	c := open(t, Limits{Models: []string{"a", "b/*"}})
	if !c.May("a") || !c.May("b/c") || c.May("c") {
		t.Error("the caller may use other models than its patterns name")
	}
}

// A subject gets nothing back that it has spent by others coming and going.
func TestSubjectsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccounts()
		a.most = 3
		subject := func(name string) (*account, error) { return a.ofSubject(name, Limits{RequestsPerMinute: 1}, "jwt") }
		for _, name := range []string{"a", "b"} {
			own, err := subject(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := own.admit(Request{})
			if err != nil {
				t.Fatal(err)
			}
			g.Settle(0, 0, false)
		}
		idle, _ := subject("idle")
		time.Sleep(sweepInterval)
		if fourth, err := subject("c"); err != nil || a.byName["idle"] != nil || a.byName["a"] == nil {
			t.Fatalf("an account without use was not replaced by %v: %v, %v", fourth, err, idle)
		}
		c, _ := subject("c")
		if _, err := c.admit(Request{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(sweepInterval)
		if _, err := subject("d"); !errors.Is(err, ErrTooMany) {
			t.Fatalf("another subject beside three that count: %v", err)
		}
		own, _ := subject("a")
		if _, err := own.admit(Request{}); err == nil {
			t.Error("a subject got its spent request back")
		}
		time.Sleep(time.Minute)
		if _, err := subject("d"); err != nil {
			t.Errorf("nothing counts any more, and another subject is refused: %v", err)
		}
	})
}

func TestCountersAreBounded(t *testing.T) {
	c := counted{byName: map[string]*counters{}}
	for i := range 2 * maxCounted {
		c.of(string(rune(i + 0x1000))).requests.Add(1)
	}
	counts := c.counts()
	total := int64(0)
	for _, n := range counts {
		total += n.Requests
	}
	if len(counts) != maxCounted+1 || total != 2*maxCounted || c.of(Other).requests.Load() != maxCounted {
		t.Errorf("%d names, %d requests", len(counts), total)
	}
}

func BenchmarkKeyAndLimits(b *testing.B) {
	key := NewKey()
	a, err := Open(Options{Keys: []Key{{Name: "k", SHA256: Digest(key), Limits: Limits{
		Models: []string{"gpt-*", "openai/*"}, RequestsPerMinute: 1 << 30, TokensPerMinute: 1 << 36, TokensPerDay: 1 << 50, TokensPerMonth: 1 << 50, Streams: 1000,
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	h := map[string][]string{"Authorization": {"Bearer " + key}}
	b.ReportAllocs()
	for b.Loop() {
		c, err := a.Identify(b.Context(), h)
		if err != nil || !c.May("openai/gpt") {
			b.Fatal(err)
		}
		g, err := c.Admit(Request{Prompt: 100, Completion: 100, Generates: true, Stream: true})
		if err != nil {
			b.Fatal(err)
		}
		g.Settle(100, 50, false)
	}
}

// A crash must not return what a stream that was running then may have used.
func TestReservationsAreSaved(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := openOptions(t, Options{State: dir, Keys: []Key{{Name: "k", SHA256: Digest("secret"), Limits: Limits{TokensPerDay: 100}}}})
		defer runs(t, a)()
		saved := func() int64 {
			t.Helper()
			time.Sleep(saveInterval)
			synctest.Wait()
			records, err := readState(dir)
			if err != nil {
				t.Fatal(err)
			}
			return records["key:k"].DayTokens
		}
		g := admitted(t, identified(t, a, "secret"), Request{Prompt: 10, Completion: 30, Generates: true, Stream: true})
		if n := saved(); n != 40 {
			t.Errorf("%d tokens are saved while a stream has reserved 40", n)
		}
		g.Cancel()
		if n := saved(); n != 0 {
			t.Errorf("%d tokens are saved once the reservation has been returned", n)
		}
	})
}
