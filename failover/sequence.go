package failover

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Sequence is a sequence of attempts, of which one is made at a time, by the goroutine that calls
// its methods. The zero Sequence belongs to no Attempts, and leads.
type Sequence struct {
	attempts  *Attempts
	server    *server // of the current attempt; nil: there is none any more
	probing   bool    // it is used because no other is left
	resumes   bool    // something was passed on before the attempt
	responded bool    // there is the head of a response
	leads     bool    // with the response of the current attempt

	cancel context.CancelCauseFunc
	lost   atomic.Bool // another leads; it must not pass anything on
	silent func()      // begins another sequence beside this one, whose server is silent
}

// ErrLost is why a sequence is canceled that does not lead.
var ErrLost = errors.New("another upstream's response is passed on")

// Server returns the index of the current attempt's server in Config.Servers.
func (q *Sequence) Server() int { return q.server.index }

// Resumes reports whether something was passed on before the current attempt, which its response
// has to continue.
func (q *Sequence) Resumes() bool { return q.resumes }

// Lost reports whether another sequence leads. Then this one must not pass anything on.
func (q *Sequence) Lost() bool { return q.lost.Load() }

// Healthy notes that the server responds as it should, before the response has ended.
func (q *Sequence) Healthy() {
	if q.server != nil {
		q.server.breaker.responded()
	}
}

// patience returns how long the server may be silent until silent is called; 0: for ever.
func (q *Sequence) patience() time.Duration {
	if q.attempts == nil || q.attempts.Patient {
		return 0
	}
	return q.attempts.Pool.config.FailoverAfter
}

// Lead makes the sequence the one whose response is passed on, and cancels all others. It returns
// false if another one leads: then nothing of this response may be passed on, and the attempt ends
// as canceled because of ErrLost. It is called before anything is passed on, and again, which costs
// little, whenever more of it is.
func (q *Sequence) Lead() bool {
	a := q.attempts
	if a == nil || q.leads && !a.contested.Load() {
		return true
	}
	q.leads = a.lead(q)
	return q.leads
}

// begin adds a sequence whose server has been taken, and returns its context. The caller holds the
// lock.
func (a *Attempts) begin(ctx context.Context, q *Sequence, try Try) context.Context {
	own, cancel := context.WithCancelCause(ctx)
	q.attempts, q.cancel = a, cancel
	q.silent = func() { a.hedge(ctx, q, try) }
	a.sequences = append(a.sequences, q)
	a.upstreams[q.server.index].busy = true
	return own
}

// hedge begins another sequence beside one whose server is silent, if a server is free. Only the
// newest sequence is a reason for a further one, so that they begin one after another.
func (a *Attempts) hedge(ctx context.Context, silent *Sequence, try Try) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.sequences)
	if n == 0 || a.sequences[n-1] != silent || silent.server == nil {
		return
	}
	if ctx.Err() != nil || a.final != nil || a.complete {
		return
	}
	if a.resuming && (a.Resumable == nil || !a.Resumable()) {
		return
	}
	q := &Sequence{server: a.Pool.takeFree(a.usable)}
	if q.server == nil {
		return
	}
	own := a.begin(ctx, q, try)
	a.contested.Store(true)
	a.Pool.config.Log.LogAttrs(ctx, slog.LevelInfo, "upstream is silent, another is sent the request as well",
		slog.String("model", a.Pool.config.Model), slog.String("upstream", silent.server.Name), slog.String("other", q.server.Name))
	a.others.Go(func() { a.sequence(own, q, try) })
}

// lead makes a sequence the one whose response is passed on, and cancels all others. It returns
// false if another one leads.
func (a *Attempts) lead(q *Sequence) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q.lost.Load() {
		return false
	}
	a.cancelOthers(q)
	if !a.resuming {
		a.resuming, a.failure = true, nil // those before this response did not end it
	}
	a.contested.Store(false)
	return true
}

// cancelOthers cancels all sequences but one. The caller holds the lock.
func (a *Attempts) cancelOthers(q *Sequence) {
	for _, other := range a.sequences {
		if other != q {
			other.lost.Store(true)
			other.cancel(ErrLost)
		}
	}
}

// leave ends a sequence.
func (a *Attempts) leave(q *Sequence) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q.cancel(nil)
	if q.server != nil {
		a.upstreams[q.server.index].busy = false
	}
	a.sequences = slices.DeleteFunc(a.sequences, func(other *Sequence) bool { return other == q })
}
