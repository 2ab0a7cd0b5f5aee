package failover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
)

// loop is an attempt loop whose attempts follow scripts.
type loop struct {
	pool *Pool

	mu       sync.Mutex
	outcomes []string
	attempts []string // the servers in the order of their use
	passed   string   // on to the client
}

// Attempted implements Observer.
func (l *loop) Attempted(_, server string, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, server+" "+string(o))
}

// step is what one attempt does: it is silent, passes a text on, and fails.
type step struct {
	silent time.Duration
	passes string
	fails  *Failure
}

func fails(o Outcome, a Action) *Failure {
	return &Failure{Outcome: o, Action: a, Err: &apierr.Error{Code: apierr.CodeUpstreamError, Message: string(o)}}
}

// waits is a Failure that is retried later.
func waits(d time.Duration) *Failure {
	f := fails(OutcomeRateLimited, RetryLater)
	f.Wait = d
	return f
}

// newLoop returns a loop over n servers, of which the first is used first.
func newLoop(n int) *loop {
	l := new(loop)
	c := Config{Model: "m", FailoverAfter: 10 * time.Second, Total: time.Hour, Observer: l, Log: slog.New(slog.DiscardHandler)}
	for i := range n {
		c.Servers = append(c.Servers, Server{Name: string(rune('a' + i)), Priority: i, Weight: 1})
	}
	l.pool = New(c)
	return l
}

// run runs a with scripts by server, whose last steps are repeated.
func (l *loop) run(ctx context.Context, a *Attempts, scripts ...[]step) *Failure {
	a.Pool = l.pool
	used := make([]int, len(scripts))
	return a.Run(ctx, func(ctx context.Context, q *Sequence) *Failure {
		s := q.Server()
		l.mu.Lock()
		l.attempts = append(l.attempts, string(rune('a'+s)))
		at := scripts[s][min(used[s], len(scripts[s])-1)]
		used[s]++
		l.mu.Unlock()
		ctx, w := q.Watch(ctx, time.Minute)
		defer w.Stop()
		select {
		case <-time.After(at.silent):
		case <-ctx.Done():
			return NoResponse(ctx, ctx.Err())
		}
		if at.passes != "" {
			if !q.Lead() {
				return Canceled(ErrLost)
			}
			q.Healthy()
			l.passed += at.passes
		}
		return at.fails
	})
}

func TestTheOrderOfAttempts(t *testing.T) {
	ok := []step{{passes: "ok"}}
	silent := []step{{silent: 2 * time.Minute}}
	for name, c := range map[string]struct {
		attempts *Attempts // nil: a zero one
		scripts  [][]step
		order    string
		outcomes []string // sorted
		least    time.Duration
		fails    string // "" is a success
	}{
		"the first responds":               {scripts: [][]step{ok, ok}, order: "a", outcomes: []string{"a ok"}},
		"a failure that may pass":          {scripts: [][]step{{{fails: fails(OutcomeError, Retry)}, {passes: "ok"}}, ok}, order: "aa", outcomes: []string{"a error", "a ok"}, least: firstBackoff / 2},
		"a failure that stays":             {scripts: [][]step{{{fails: fails(OutcomeError, Retry)}}, ok}, order: "aab", outcomes: []string{"a error", "a error", "b ok"}},
		"a failure of that server":         {scripts: [][]step{{{fails: fails(OutcomeUnauthorized, TryNext)}}, ok}, order: "ab", outcomes: []string{"a unauthorized", "b ok"}},
		"the request is at fault":          {scripts: [][]step{{{fails: fails(OutcomeRejected, GiveUp)}}, ok}, order: "a", outcomes: []string{"a rejected"}, fails: "rejected"},
		"a limit, and another is free":     {scripts: [][]step{{{fails: waits(time.Second)}}, ok}, order: "ab", outcomes: []string{"a rate_limited", "b ok"}},
		"a limit, and no other is free":    {scripts: [][]step{{{fails: waits(time.Second)}, {passes: "ok"}}}, order: "aa", outcomes: []string{"a ok", "a rate_limited"}, least: time.Second},
		"silence":                          {scripts: [][]step{silent, ok}, order: "ab", outcomes: []string{"a canceled", "b ok"}, least: 10 * time.Second},
		"silence that is waited for":       {attempts: &Attempts{Patient: true}, scripts: [][]step{silent, ok}, order: "ab", outcomes: []string{"a timeout", "b ok"}, least: time.Minute},
		"a failure after a part":           {scripts: [][]step{{{passes: "o", fails: fails(OutcomeCut, Retry)}}, ok}, order: "a", outcomes: []string{"a cut"}, fails: "cut"},
		"a failure that can be continued":  {attempts: &Attempts{Resumable: func() bool { return true }}, scripts: [][]step{{{passes: "o", fails: fails(OutcomeCut, TryNext)}}, {{passes: "k"}}}, order: "ab", outcomes: []string{"a cut", "b rescued"}},
		"all fail, and one had a response": {scripts: [][]step{{{fails: &Failure{Outcome: OutcomeError, Status: 500, Err: &apierr.Error{Message: "500"}}}}, {{fails: fails(OutcomeUnreachable, TryNext)}}}, order: "ab", outcomes: []string{"a error", "b unreachable"}, fails: "500"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, begin := newLoop(len(c.scripts)), time.Now()
				f := l.run(t.Context(), cmp.Or(c.attempts, new(Attempts)), c.scripts...)
				took := time.Since(begin)
				order := ""
				for _, s := range l.attempts {
					order += s
				}
				slices.Sort(l.outcomes)
				if order != c.order || !slices.Equal(l.outcomes, c.outcomes) || took < c.least || took > c.least+time.Second {
					t.Errorf("after %v: %s, %q", took, order, l.outcomes)
				}
				if c.fails == "" && (f != nil || l.passed != "ok") || c.fails != "" && (f == nil || f.Err.Message != c.fails) {
					t.Errorf("it ends with %v after %q", f, l.passed)
				}
				if !l.pool.Idle() {
					t.Error("a request is left")
				}
			})
		})
	}
}

// The whole loop is bounded, however long each attempt may take, and ends with the client.
func TestALoopEnds(t *testing.T) {
	for name, c := range map[string]struct {
		total, leaves time.Duration
		code          apierr.Code
		outcome       Outcome
	}{
		"in time":         {30 * time.Second, time.Hour, apierr.CodeUpstreamTimeout, OutcomeTimeout},
		"with its client": {time.Hour, 20 * time.Second, apierr.CodeCanceled, OutcomeCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, begin := newLoop(2), time.Now()
				l.pool.config.Total = c.total
				ctx, cancel := context.WithTimeout(t.Context(), c.leaves)
				defer cancel()
				f := l.run(ctx, new(Attempts), []step{{silent: time.Hour}}, []step{{silent: time.Hour}})
				if f == nil || f.Err.Code != c.code || f.Outcome != c.outcome || f.Action != GiveUp {
					t.Errorf("it ends with %+v", f)
				}
				if took := time.Since(begin); took != min(c.total, c.leaves) || !l.pool.Idle() || len(l.outcomes) != 2 {
					t.Errorf("after %v: %q", took, l.outcomes)
				}
			})
		})
	}
}

// Requests go to the other server while a breaker is open, and to its own as a probe if there is no
// other.
func TestALoopSkipsServersWithAnOpenBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(2)
		bad, ok := []step{{fails: fails(OutcomeError, TryNext)}}, []step{{passes: "ok"}}
		for range breakerFailures + 2 {
			if f := l.run(t.Context(), new(Attempts), bad, ok); f != nil {
				t.Fatal(f)
			}
		}
		if got := fmt.Sprint(l.attempts); got != "[a b a b a b b b]" {
			t.Errorf("the attempts are %s", got)
		}
		l.attempts = nil
		if f := l.run(t.Context(), new(Attempts), ok, bad); f != nil || fmt.Sprint(l.attempts) != "[b a]" {
			t.Errorf("the attempts are %s: %v", l.attempts, f)
		}
	})
}

// Of two responses that have content the first one is passed on, and only that.
func TestOneSequenceLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(2)
		a := &Attempts{Pool: l.pool}
		lost := make(chan struct{})
		f := a.Run(t.Context(), func(ctx context.Context, q *Sequence) *Failure {
			_, w := q.Watch(ctx, time.Minute)
			defer w.Stop()
			if q.Server() == 0 {
				<-ctx.Done()
				if q.Lead() || !q.Lost() || !errors.Is(context.Cause(ctx), ErrLost) {
					t.Error("both lead")
				}
				close(lost)
				return Canceled(ErrLost)
			}
			for range 2 {
				if !q.Lead() {
					t.Error("the first that has content does not lead")
				}
			}
			<-lost
			return nil
		})
		if f != nil || !new(Sequence).Lead() {
			t.Errorf("it ends with %v", f)
		}
	})
}

// A server cools down that limits its rate, or that has not even sent a head while another led, if
// that comes at once.
func TestServersCoolDown(t *testing.T) {
	ok := []step{{passes: "ok"}}
	for name, c := range map[string]struct {
		streamed bool
		first    step
		cool     time.Duration
	}{
		"a limit":                       {false, step{fails: waits(4 * time.Second)}, 4 * time.Second},
		"a limit that has no end":       {false, step{fails: fails(OutcomeRateLimited, TryNext)}, shortCool},
		"silence":                       {true, step{silent: time.Hour}, 10 * time.Second},
		"silence before a whole result": {false, step{silent: time.Hour}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLoop(2)
				first := func() string {
					l.attempts = nil
					if f := l.run(t.Context(), &Attempts{Streamed: c.streamed}, ok, ok); f != nil {
						t.Fatal(f)
					}
					return l.attempts[0]
				}
				if f := l.run(t.Context(), &Attempts{Streamed: c.streamed}, []step{c.first}, ok); f != nil {
					t.Fatal(f)
				}
				if c.cool > 0 {
					<-time.After(c.cool - time.Millisecond)
					if got := first(); got != "b" {
						t.Errorf("the server %s is used first", got)
					}
					<-time.After(time.Millisecond)
				}
				if got := first(); got != "a" {
					t.Errorf("then the server %s is used first", got)
				}
			})
		})
	}
}

// A response that has begun closes a breaker, however long it lasts.
func TestAHealthyResponseClosesTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(1)
		for range breakerFailures {
			if f := l.run(t.Context(), new(Attempts), []step{{fails: fails(OutcomeError, TryNext)}}); f == nil {
				t.Fatal("no failure")
			}
		}
		begun, end, done := make(chan struct{}), make(chan struct{}), make(chan *Failure)
		go func() {
			done <- (&Attempts{Pool: l.pool}).Run(t.Context(), func(_ context.Context, q *Sequence) *Failure {
				q.Healthy()
				close(begun)
				<-end
				return nil
			})
		}()
		<-begun
		if !l.pool.servers[0].breaker.admits() || l.pool.Idle() {
			t.Error("the breaker is still open, or the request is not counted")
		}
		close(end)
		if f := <-done; f != nil || !l.pool.Idle() {
			t.Errorf("it ends with %v", f)
		}
	})
}

// A hedged sequence may begin to run only after another one has led. It has nothing to resume.
func TestASequenceThatHasLostResumesNothing(t *testing.T) {
	l := newLoop(1)
	a := &Attempts{Pool: l.pool, upstreams: make([]upstreamState, 1)}
	q := new(Sequence)
	q.server, _ = a.Pool.take(a.usable)
	a.mu.Lock()
	ctx := a.begin(t.Context(), q, nil)
	a.resuming = true
	a.cancelOthers(nil)
	a.mu.Unlock()
	attempted := false
	a.sequence(ctx, q, func(ctx context.Context, q *Sequence) *Failure {
		attempted = true
		if q.Resumes() || q.Lead() {
			t.Error("it resumes what another one has passed on, or leads")
		}
		return NoResponse(ctx, ctx.Err())
	})
	if !attempted || !l.pool.Idle() {
		t.Errorf("attempted: %v, idle: %v", attempted, l.pool.Idle())
	}
}
