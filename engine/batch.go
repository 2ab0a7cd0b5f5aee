package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"penstock/engine/internal/gate"
)

// batcher joins predicts of one verb that wait at the gate into one run under one permit: the
// request that gets a permit takes those behind it into its run, up to a maximum. No request waits
// for others to join.
type batcher[Feed, Raw any] struct {
	max     int
	alone   func() bool // nil: no
	predict func(ctx context.Context, feeds []Feed) ([]Raw, error)

	mu      sync.Mutex
	waiting []*member[Feed, Raw] // queued at the gate, in order
}

// member is one request of a run, or one that waits for a run.
type member[Feed, Raw any] struct {
	feed   Feed
	waiter *gate.Waiter
	run    *batchRun[Raw] // set, with index, by the member that collects it, before it is withdrawn from the queue
	index  int            // of its feed in the run
}

// batchRun is one run of several members.
type batchRun[Raw any] struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when raws and err are there
	raws   []Raw
	err    error

	mu   sync.Mutex
	left int // members that have not left
}

// leave notes that a member has left; the run goes on as long as one remains.
func (r *batchRun[Raw]) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left--; r.left == 0 {
		r.cancel(ErrAbandoned)
	}
}

// do waits for a permit, or to be collected, and returns the request's part of the run's result.
func (b *batcher[Feed, Raw]) do(ctx context.Context, c *Call, feed Feed) (raw Raw, err error) {
	m := &member[Feed, Raw]{feed: feed}
	b.mu.Lock()
	m.waiter = c.join()
	b.waiting = append(b.waiting, m)
	b.mu.Unlock()

	permit, err := c.permit(ctx, m.waiter)
	if errors.Is(err, gate.ErrWithdrawn) {
		return b.wait(ctx, m)
	}
	b.mu.Lock()
	b.waiting = slices.DeleteFunc(b.waiting, func(w *member[Feed, Raw]) bool { return w == m })
	b.mu.Unlock()
	if err != nil {
		return raw, err
	}
	defer permit.Release()
	return b.run(ctx, c, m)
}

// run runs the batch of m, which has the permit, and of those it collects.
func (b *batcher[Feed, Raw]) run(ctx context.Context, c *Call, m *member[Feed, Raw]) (raw Raw, err error) {
	// The run goes on when m leaves, as long as another member remains.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	run := &batchRun[Raw]{cancel: cancel, done: make(chan struct{})}
	m.run = run
	feeds := b.collect(m)
	stop := context.AfterFunc(ctx, run.leave)
	defer stop()
	defer close(run.done)

	run.raws, run.err = phase(work, c.verb.model, PhasePredict, b.predict, feeds)
	if run.err == nil && len(run.raws) != len(feeds) {
		run.err = fmt.Errorf("predict gave %d results for a batch of %d", len(run.raws), len(feeds))
	}
	if ctx.Err() != nil {
		return raw, canceled(context.Cause(ctx))
	}
	if run.err != nil {
		return raw, run.err
	}
	return run.raws[0], nil
}

// collect takes the requests that wait behind m into its run, and returns all feeds, m's first. A
// collected member cannot leave the run's count before the run's size is known: it learns of the
// run only when it is withdrawn, and needs the run's lock to leave it.
func (b *batcher[Feed, Raw]) collect(m *member[Feed, Raw]) []Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.run.mu.Lock()
	defer m.run.mu.Unlock()
	feeds, limit := []Feed{m.feed}, b.max
	if b.alone != nil && b.alone() {
		limit = 1
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(w *member[Feed, Raw]) bool {
		if len(feeds) == limit {
			return false
		}
		w.run, w.index = m.run, len(feeds)
		if !w.waiter.Withdraw() { // it has a permit of its own, or is leaving
			w.run = nil
			return false
		}
		feeds = append(feeds, w.feed)
		return true
	})
	m.run.left = len(feeds)
	return feeds
}

// wait waits for the run that m was collected into.
func (b *batcher[Feed, Raw]) wait(ctx context.Context, m *member[Feed, Raw]) (raw Raw, err error) {
	select {
	case <-m.run.done:
	case <-ctx.Done():
		m.run.leave()
		return raw, canceled(context.Cause(ctx))
	}
	if m.run.err != nil {
		return raw, m.run.err
	}
	return m.run.raws[m.index], nil
}
