package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"penstock/engine/internal/gate"
)

// batcher joins predicts of one verb that wait at the gate into one run under one permit: whoever gets a permit takes
// along those behind it, up to a maximum. Nobody waits for company.
type batcher[Feed, Raw any] struct {
	max     int
	predict func(ctx context.Context, feeds []Feed) ([]Raw, error)

	mu      sync.Mutex
	waiting []*member[Feed, Raw] // in line at the gate, in order
}

// member is one request in a batch, or on its way into one.
type member[Feed, Raw any] struct {
	feed   Feed
	waiter *gate.Waiter
	run    *batchRun[Raw] // set, with place, by the leader who takes it along, before it is withdrawn from the line
	place  int
}

// batchRun is one run of several members.
type batchRun[Raw any] struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when raws and err are there
	raws   []Raw
	err    error

	mu   sync.Mutex
	left int // members still interested
}

// leave notes that a member has gone; the run goes on as long as anybody is left.
func (r *batchRun[Raw]) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left--; r.left == 0 {
		r.cancel(ErrAbandoned)
	}
}

// do waits for a permit, or to be taken along, and returns the request's part of the run's result.
func (b *batcher[Feed, Raw]) do(ctx context.Context, c *Call, feed Feed) (raw Raw, err error) {
	m := &member[Feed, Raw]{feed: feed}
	b.mu.Lock()
	m.waiter = c.join()
	b.waiting = append(b.waiting, m)
	b.mu.Unlock()

	permit, err := c.permit(ctx, m.waiter)
	if errors.Is(err, gate.ErrWithdrawn) {
		return b.ride(ctx, m)
	}
	b.mu.Lock()
	b.waiting = slices.DeleteFunc(b.waiting, func(w *member[Feed, Raw]) bool { return w == m })
	b.mu.Unlock()
	if err != nil {
		return raw, err
	}
	defer permit.Release()
	return b.lead(ctx, c, m)
}

// lead runs the batch of m and of those it takes along.
func (b *batcher[Feed, Raw]) lead(ctx context.Context, c *Call, m *member[Feed, Raw]) (raw Raw, err error) {
	// The run outlives the leader's interest in it, as long as another member has some.
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	run := &batchRun[Raw]{cancel: cancel, done: make(chan struct{})}
	m.run = run
	feeds := b.board(m)
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

// board takes along who waits behind m, and returns all feeds, m's first. A member who boards cannot leave the run's count
// before the run's size is known, as it learns of the run only when it is withdrawn, and needs the run's lock to leave it.
func (b *batcher[Feed, Raw]) board(m *member[Feed, Raw]) []Feed {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.run.mu.Lock()
	defer m.run.mu.Unlock()
	feeds := []Feed{m.feed}
	b.waiting = slices.DeleteFunc(b.waiting, func(w *member[Feed, Raw]) bool {
		if len(feeds) == b.max {
			return false
		}
		w.run, w.place = m.run, len(feeds)
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

// ride waits for the run that m was taken along in.
func (b *batcher[Feed, Raw]) ride(ctx context.Context, m *member[Feed, Raw]) (raw Raw, err error) {
	select {
	case <-m.run.done:
	case <-ctx.Done():
		m.run.leave()
		return raw, canceled(context.Cause(ctx))
	}
	if m.run.err != nil {
		return raw, m.run.err
	}
	return m.run.raws[m.place], nil
}
