package gate

import (
	"container/list"
	"context"
	"errors"
	"time"
)

// ErrTimeout reports that a waiter has waited as long as the gate allows. A caller that leaves gets
// its context's cause instead.
var ErrTimeout = errors.New("gate: waited too long")

// ErrWithdrawn reports that Withdraw took the waiter out of the queue.
var ErrWithdrawn = errors.New("gate: withdrawn from the queue")

// Waiter waits in the queue. Exactly one call of Wait must follow Join.
type Waiter struct {
	slot    *Slot
	line    *line
	element *list.Element // in line; nil once out of the queue; guarded by gate.mu
	granted chan struct{} // closed when the permit is there

	withdrawn chan struct{} // closed when Withdraw took it out
}

// Join enters the queue, or takes a permit if one is free for it.
func (s *Slot) Join() *Waiter {
	g := s.gate
	w := &Waiter{slot: s, granted: make(chan struct{}), withdrawn: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queue.add(w)
	g.grant()
	return w
}

// Position returns the waiter's position in the queue, 1 for the next one, 0 once it has its permit
// or has left.
func (w *Waiter) Position() int {
	g := w.slot.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.element == nil {
		return 0
	}
	return g.queue.position(w)
}

// Waits reports whether the waiter is still in the queue.
func (w *Waiter) Waits() bool {
	g := w.slot.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	return w.element != nil
}

// Withdraw takes the waiter out of the queue, whose Wait then returns ErrWithdrawn. It reports
// whether it did: a waiter that has a permit, or is leaving, stays as it is.
func (w *Waiter) Withdraw() bool {
	g := w.slot.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.element == nil {
		return false
	}
	g.queue.remove(w)
	close(w.withdrawn)
	return true
}

// Wait returns the permit when the waiter's turn comes, ErrTimeout when the gate's patience ends
// first, or the context's cause when the caller leaves, and ErrWithdrawn after Withdraw. On an
// error the waiter is out of the queue before Wait returns.
func (w *Waiter) Wait(ctx context.Context) (*Permit, error) {
	if ctx.Err() != nil {
		return nil, w.leave(context.Cause(ctx))
	}
	select {
	case <-w.granted: // the common case needs no timer
		return &Permit{slot: w.slot}, nil
	default:
	}
	var expired <-chan time.Time
	if d := w.slot.gate.config.Timeout; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-w.granted:
		return &Permit{slot: w.slot}, nil
	case <-w.withdrawn:
		return nil, ErrWithdrawn
	case <-expired:
		return nil, w.leave(ErrTimeout)
	case <-ctx.Done():
		return nil, w.leave(context.Cause(ctx))
	}
}

// leave takes the waiter out of the queue, or returns the permit that came at the same moment.
func (w *Waiter) leave(why error) error {
	g := w.slot.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.element != nil {
		g.queue.remove(w)
		return why
	}
	select {
	case <-w.withdrawn:
		return ErrWithdrawn
	default:
	}
	g.take(w.slot, -1)
	g.grant()
	return why
}
