package upstream

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
)

// sequence is a sequence of attempts, of which one is made at a time.
type sequence struct {
	server    *server // of the current attempt; nil: there is none any more
	probing   bool    // it is used because no other is left
	resumes   bool    // something was passed on before the attempt
	responded bool    // there is the head of a response

	cancel context.CancelCauseFunc
	lost   atomic.Bool // another leads; it must not pass anything on
	silent func()      // called when the server has sent nothing for Timeouts.FailoverAfter
}

// errLost is why a sequence is canceled that does not lead.
var errLost = errors.New("another upstream's response is passed on")

// begin adds a sequence whose server has been taken, and returns its context. The caller holds the
// lock.
func (a *attempts) begin(ctx context.Context, q *sequence, try attempt) context.Context {
	own, cancel := context.WithCancelCause(ctx)
	q.cancel = cancel
	q.silent = func() { a.hedge(ctx, q, try) }
	a.sequences = append(a.sequences, q)
	a.upstreams[q.server.index].busy = true
	return own
}

// hedge begins another sequence beside one whose server is silent, if a server is free. Only the
// newest sequence is a reason for a further one, so that they begin one after another.
func (a *attempts) hedge(ctx context.Context, silent *sequence, try attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.sequences); n == 0 || a.sequences[n-1] != silent || silent.server == nil || ctx.Err() != nil || a.final != nil {
		return
	}
	if a.resuming && (a.resumable == nil || !a.resumable()) {
		return
	}
	q := &sequence{server: a.model.pool.takeFree(a.usable)}
	if q.server == nil {
		return
	}
	own := a.begin(ctx, q, try)
	a.contested.Store(true)
	a.model.config.Log.LogAttrs(ctx, slog.LevelInfo, "upstream is silent, another is sent the request as well",
		slog.String("model", a.model.config.Name), slog.String("upstream", silent.server.Name), slog.String("other", q.server.Name))
	a.others.Go(func() { a.sequence(own, q, try) })
}

// lead makes a sequence the one whose response is passed on, and cancels all others. It returns
// false if another one leads.
func (a *attempts) lead(q *sequence) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q.lost.Load() {
		return false
	}
	for _, other := range a.sequences {
		if other != q {
			other.lost.Store(true)
			other.cancel(errLost)
		}
	}
	a.resuming = true
	a.contested.Store(false)
	return true
}

// leave ends a sequence.
func (a *attempts) leave(q *sequence) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q.cancel(nil)
	if q.server != nil {
		a.upstreams[q.server.index].busy = false
	}
	a.sequences = slices.DeleteFunc(a.sequences, func(other *sequence) bool { return other == q })
}
