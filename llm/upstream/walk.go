package upstream

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	maxRetries   = 2 // for each server, whatever for
	firstBackoff = 200 * time.Millisecond
	shortCool    = time.Second // for a server that wants less to do and does not say for how long
)

// walk is one client's request on its way from server to server until one has answered.
//
// After a fault that may pass (again), the same server is asked once more after a short
// pause; after one that names its end (later), once more then; if answers break off, or
// fall silent, after something has been handed on, once more at once. After that, and after
// all other faults, the next server is asked. A server that was silent from the beginning is
// never asked again, and one that is asked without hope, because no other is left, is asked
// once.
type walk struct {
	model    *model
	question question
	history  []standing // by server.index
	answer   *fault     // the last that came with an HTTP answer
	fault    *fault     // the last; once something has been handed on, the one that broke that off
	rescuing bool       // something has been handed on
}

// standing is what a walk knows of one server.
type standing struct {
	again, later, rescues int // retries, by their reason
	over                  bool
}

// run asks servers by try until one succeeds or no more can be asked. Then it returns
// what the client is to be told.
func (w *walk) run(ctx context.Context, try func(context.Context, *server) *fault) *fault {
	w.history = make([]standing, len(w.model.servers))
	s, hopeful := w.model.pool.take(w.may)
	for s != nil {
		rescue := w.rescuing
		f := w.ask(ctx, s, try)
		switch {
		case f == nil:
			return nil
		case ctx.Err() != nil:
			return canceled(context.Cause(ctx))
		case f.remedy == nothing:
			return f
		}
		if !rescue {
			w.fault = f
		}
		if f.status != 0 {
			w.answer = f
		}
		pause, same := w.same(s, f)
		if same && hopeful {
			if !sleep(ctx, pause) {
				return canceled(context.Cause(ctx))
			}
			if w.model.pool.again(s) {
				continue
			}
		}
		w.history[s.index].over = true
		s, hopeful = w.model.pool.take(w.may)
	}
	if w.answer != nil && !w.rescuing {
		return w.answer
	}
	return w.fault
}

// ask asks one server, and tells everybody who wants to know how it went.
func (w *walk) ask(ctx context.Context, s *server, try func(context.Context, *server) *fault) *fault {
	m := w.model
	rescue := w.rescuing
	f := try(ctx, s)
	m.pool.give(s)
	if f == nil {
		s.breaker.ended(well)
		outcome := OutcomeOK
		if rescue {
			outcome = OutcomeRescued
		}
		m.config.Observer.Asked(m.config.Name, s.Name, outcome)
		return nil
	}
	key, _ := w.question.key(s)
	f.hide(key)
	s.breaker.ended(f.verdict())
	if f.outcome == OutcomeRateLimited {
		m.pool.leaveAlone(s, cmp.Or(f.wait, shortCool))
	}
	m.config.Observer.Asked(m.config.Name, s.Name, f.outcome)
	if f.outcome != OutcomeCanceled {
		m.config.Log.LogAttrs(ctx, slog.LevelWarn, "upstream request failed",
			slog.String("model", m.config.Name), slog.String("upstream", s.Name), slog.String("outcome", string(f.outcome)), slog.Any("error", f.err))
	}
	return f
}

func (w *walk) may(s *server) bool { return !w.history[s.index].over }

// same tells whether the server is to be asked once more, and after what pause.
func (w *walk) same(s *server, f *fault) (time.Duration, bool) {
	h := &w.history[s.index]
	if h.again+h.later+h.rescues >= maxRetries {
		return 0, false
	}
	switch {
	case w.rescuing:
		if h.rescues == 0 && f.remedy == again {
			h.rescues++
			return 0, true
		}
	case f.remedy == again && h.again == 0:
		h.again++
		return jitter(firstBackoff), true
	case f.remedy == later && h.later == 0:
		h.later++
		return f.wait + jitter(firstBackoff)/2, true
	}
	return 0, false
}

// jitter spreads a pause over half to one and a half of it.
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
