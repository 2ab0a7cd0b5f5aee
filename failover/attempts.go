package failover

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"penstock/apierr"
)

const (
	maxRetries   = 2 // on each server, for any reason
	firstBackoff = 200 * time.Millisecond
	shortCool    = time.Second // for a server with a rate limit that does not say for how long
)

// Attempts is the attempt loop of one request: it sends the request to one server after another
// until one has responded. It is used once.
//
// After a failure that may pass (Retry), the request is sent to the same server once more after a
// short pause; if a response is cut after something has been passed on, once more at once. Then,
// and after any other failure, the next server is used. Only if none is free, the request is sent
// once more to a server that limits its rate, as soon as it takes requests again, or that fell
// silent in the middle of its response (RetryLater). A server that sent nothing at all is not used
// again, and one that is only being probed, because no other is left, is used once.
//
// While a server is silent the next free one is sent the request as well: a sequence of attempts
// begins beside the others. The first that leads, because it has content, is passed on; all others
// are canceled.
type Attempts struct {
	Pool *Pool
	// Streamed is set if the head of a response comes at once, so that a server without one that
	// another has overtaken is better not waited for by other requests either.
	Streamed bool
	// Patient is set if a silent server is waited for: no other is sent the request beside it.
	Patient bool
	// Resumable reports whether a response that has begun can be continued by that of another
	// server; nil: it cannot, and no attempt follows. It does not wait.
	Resumable func() bool

	others    sync.WaitGroup // sequences beside the first
	contested atomic.Bool    // several sequences are under way

	mu        sync.Mutex
	sequences []*Sequence     // under way
	upstreams []upstreamState // by server.index
	complete  bool
	final     *Failure // that ends the request, unless another sequence completes it
	response  *Failure // the last with an HTTP response
	failure   *Failure // the last; once something has been passed on, the first that ended that
	resuming  bool     // something has been passed on
}

// upstreamState is what has been tried on one server.
type upstreamState struct {
	retries, laterRetries, resumes int
	busy, exhausted                bool
	deferred                       bool
	until                          time.Time // when a deferred one is used again
}

// Try is one attempt: it sends the request to a sequence's server, and passes the response on once
// the sequence leads. It returns nil once the response is complete. A Failure after something has
// been passed on that no other response can continue has the Action GiveUp.
type Try func(ctx context.Context, q *Sequence) *Failure

// Run calls try for servers until it succeeds or none is left. Then it returns the failure that the
// client gets. It waits for all attempts.
func (a *Attempts) Run(ctx context.Context, try Try) *Failure {
	ctx, cancel := a.Pool.bounded(ctx)
	defer cancel()
	a.upstreams = make([]upstreamState, len(a.Pool.servers))
	q := &Sequence{}
	q.server, q.probing = a.Pool.take(a.usable)
	a.mu.Lock()
	own := a.begin(ctx, q, try)
	a.mu.Unlock()
	a.sequence(own, q, try)
	a.others.Wait()
	switch {
	case a.complete:
		return nil
	case ctx.Err() != nil:
		return ended(context.Cause(ctx))
	case a.final != nil:
		return a.final
	case a.response != nil && !a.resuming:
		return a.response
	}
	return a.failure
}

// sequence makes attempts until one has succeeded, the sequence is canceled, or no server is left.
func (a *Attempts) sequence(ctx context.Context, q *Sequence, try Try) {
	defer a.leave(q)
	for {
		a.mu.Lock()
		q.resumes = a.resuming && !q.lost.Load() // one that lost before it began resumes nothing
		a.mu.Unlock()
		f := a.attempt(ctx, q, try)
		if !a.note(ctx, q, f) {
			return
		}
		if pause, again := a.retry(q, f); again {
			if !sleep(ctx, pause) {
				return
			}
			if a.Pool.retake(q.server) {
				continue
			}
		}
		if !a.move(ctx, q, f) {
			return
		}
	}
}

// attempt makes one attempt, and reports how it went to the pool, the breaker, the
// observer and the log.
func (a *Attempts) attempt(ctx context.Context, q *Sequence, try Try) *Failure {
	p, s := a.Pool, q.server
	q.responded, q.leads = false, false
	f := try(ctx, q)
	p.release(s)
	if f == nil {
		s.breaker.ended(healthy)
		outcome := OutcomeOK
		if q.resumes {
			outcome = OutcomeResumed
		}
		p.config.Observer.Attempted(p.config.Model, s.Name, outcome)
		return nil
	}
	s.breaker.ended(f.health())
	switch {
	case f.Outcome == OutcomeRateLimited:
		p.coolDown(s, cmp.Or(f.Wait, shortCool))
	case q.lost.Load() && !q.responded && a.Streamed: // not even a head: others need not wait for it too
		p.coolDown(s, min(p.config.FailoverAfter, maxCool))
	}
	p.config.Observer.Attempted(p.config.Model, s.Name, f.Outcome)
	if f.Outcome != OutcomeCanceled {
		p.config.Log.LogAttrs(ctx, slog.LevelWarn, "upstream request failed",
			slog.String("model", p.config.Model), slog.String("upstream", s.Name),
			slog.String("outcome", string(f.Outcome)), slog.String("error", apierr.ForLog(f.Err)))
	}
	return f
}

// note keeps how an attempt ended, and reports whether another may follow.
func (a *Attempts) note(ctx context.Context, q *Sequence, f *Failure) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case f == nil:
		a.complete = true
		a.cancelOthers(q) // one may have begun since this one led
		return false
	case ctx.Err() != nil:
		return false
	case f.Action == GiveUp, a.resuming && a.Resumable == nil:
		a.final = f
		return false
	}
	if !q.resumes || a.failure == nil {
		a.failure = f
	}
	if f.Status != 0 {
		a.response = f
	}
	return true
}

// bounded returns the context of a request, which ends after Config.Total.
func (p *Pool) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	total := p.config.Total
	if total == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, total, exceeded{noTotal, total})
}

func (a *Attempts) usable(s *server) bool {
	state := &a.upstreams[s.index]
	return !state.exhausted && !state.busy && !state.deferred
}

// retry reports whether the server is to be used once more before any other, and after what pause.
func (a *Attempts) retry(q *Sequence, f *Failure) (pause time.Duration, again bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := &a.upstreams[q.server.index]
	if f.Action != Retry || q.probing || state.spent() {
		return 0, false
	}
	if a.resuming {
		state.resumes++
		return 0, state.resumes == 1
	}
	state.retries++
	return jitter(firstBackoff), state.retries == 1
}

// spent reports whether the server has been used as often as it may be.
func (u *upstreamState) spent() bool { return u.retries+u.laterRetries+u.resumes >= maxRetries }

// move takes another server, or, if none is free, waits for one that is used later. It returns
// false if there is none.
func (a *Attempts) move(ctx context.Context, q *Sequence, f *Failure) bool {
	for {
		wait, later := a.choose(q, f)
		switch {
		case q.server == nil:
			return false
		case !later:
			return true
		case !sleep(ctx, wait):
			return false
		case a.Pool.retake(q.server):
			return true
		}
	}
}

// choose sets the sequence's server, after a failure of the one before: a free one, else the one
// that is used later, which is to be retaken after wait, else, for the last sequence, one to probe.
func (a *Attempts) choose(q *Sequence, f *Failure) (wait time.Duration, later bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(q, f)
	q.server, q.probing = nil, false
	if a.final != nil {
		return 0, false
	}
	q.server = a.Pool.takeFree(a.usable)
	if q.server == nil {
		q.server = a.deferred()
		later = q.server != nil
	}
	if q.server == nil && len(a.sequences) == 1 {
		q.server, q.probing = a.Pool.take(a.usable)
	}
	if q.server == nil {
		return 0, false
	}
	state := &a.upstreams[q.server.index]
	state.busy, state.deferred = true, false
	return time.Until(state.until), later
}

// drop ends the use of the sequence's server, or defers the next. The caller holds the lock.
func (a *Attempts) drop(q *Sequence, f *Failure) {
	state := &a.upstreams[q.server.index]
	state.busy = false
	if f.Action != RetryLater || q.probing || state.laterRetries > 0 || state.spent() {
		state.exhausted = true
		return
	}
	state.laterRetries++
	state.deferred, state.until = true, time.Now()
	if f.Wait > 0 {
		state.until = state.until.Add(f.Wait + jitter(firstBackoff)/2)
	}
}

// deferred returns the server that is used later, and of several the first.
func (a *Attempts) deferred() (first *server) {
	for i, state := range a.upstreams {
		if state.deferred && (first == nil || state.until.Before(a.upstreams[first.index].until)) {
			first = a.Pool.servers[i]
		}
	}
	return first
}

// jitter returns a random duration of half to one and a half of d.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d)
}

// sleep waits, and returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
