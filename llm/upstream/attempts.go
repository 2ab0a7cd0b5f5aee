package upstream

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"penstock/apierr"
)

const (
	maxRetries   = 2 // on each server, for any reason
	firstBackoff = 200 * time.Millisecond
	shortCool    = time.Second // for a server with a rate limit that does not say for how long
)

// attempts is the attempt loop of one client's request: it sends the request to one server after
// another until one has responded.
//
// After a failure that may pass (retry), the request is sent to the same server once more after a
// short pause; after one with a known end (retryLater), once more then; if a response is cut or
// stalls after something has been passed on, once more at once. After that, and after any other
// failure, the next server is used. A server that sent nothing at all is not used again, and one
// that is only being probed, because no other is left, is used once.
type attempts struct {
	model     *model
	request   *request
	upstreams []upstreamState // by server.index
	response  *failure        // the last with an HTTP response
	failure   *failure        // the last; once something has been passed on, the one that ended that
	resuming  bool            // something has been passed on
}

// upstreamState is what has been tried on one server.
type upstreamState struct {
	retries, laterRetries, resumes int
	exhausted                      bool
}

// run calls try for servers until it succeeds or none is left. Then it returns the failure that
// the client gets.
func (a *attempts) run(ctx context.Context, try func(context.Context, *server) *failure) *failure {
	a.upstreams = make([]upstreamState, len(a.model.servers))
	s, probing := a.model.pool.take(a.usable)
	for s != nil {
		resuming := a.resuming
		f := a.attempt(ctx, s, try)
		switch {
		case f == nil:
			return nil
		case ctx.Err() != nil:
			return over(ctx, a.model.config.Timeouts)
		case f.action == giveUp:
			return f
		}
		if !resuming {
			a.failure = f
		}
		if f.status != 0 {
			a.response = f
		}
		pause, again := a.retry(s, f)
		if again && !probing {
			if !sleep(ctx, pause) {
				return over(ctx, a.model.config.Timeouts)
			}
			if a.model.pool.retake(s) {
				continue
			}
		}
		a.upstreams[s.index].exhausted = true
		s, probing = a.model.pool.take(a.usable)
	}
	if a.response != nil && !a.resuming {
		return a.response
	}
	return a.failure
}

// attempt sends the request to one server, and reports how it went to the pool, the breaker, the
// observer and the log.
func (a *attempts) attempt(ctx context.Context, s *server, try func(context.Context, *server) *failure) *failure {
	m := a.model
	resuming := a.resuming
	f := try(ctx, s)
	m.pool.release(s)
	if f == nil {
		s.breaker.ended(healthy)
		outcome := OutcomeOK
		if resuming {
			outcome = OutcomeResumed
		}
		m.config.Observer.Attempted(m.config.Name, s.Name, outcome)
		return nil
	}
	key, _ := a.request.key(s)
	f.redact(key)
	s.breaker.ended(f.health())
	if f.outcome == OutcomeRateLimited {
		m.pool.coolDown(s, cmp.Or(f.wait, shortCool))
	}
	m.config.Observer.Attempted(m.config.Name, s.Name, f.outcome)
	if f.outcome != OutcomeCanceled {
		m.config.Log.LogAttrs(ctx, slog.LevelWarn, "upstream request failed",
			slog.String("model", m.config.Name), slog.String("upstream", s.Name), slog.String("outcome", string(f.outcome)), slog.String("error", apierr.ForLog(f.err)))
	}
	return f
}

func (a *attempts) usable(s *server) bool { return !a.upstreams[s.index].exhausted }

// retry reports whether the server is to be used once more, and after what pause.
func (a *attempts) retry(s *server, f *failure) (pause time.Duration, again bool) {
	state := &a.upstreams[s.index]
	if state.retries+state.laterRetries+state.resumes >= maxRetries {
		return 0, false
	}
	switch {
	case a.resuming:
		if state.resumes == 0 && f.action == retry {
			state.resumes++
			return 0, true
		}
	case f.action == retry && state.retries == 0:
		state.retries++
		return jitter(firstBackoff), true
	case f.action == retryLater && state.laterRetries == 0:
		state.laterRetries++
		return f.wait + jitter(firstBackoff)/2, true
	}
	return 0, false
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
