package gate

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull reports that the gate has no slot left: as many requests are inside as it has permits and
// queue slots.
var ErrFull = errors.New("gate: full")

// ErrTimeout reports that a waiter has waited as long as the gate allows. A caller that leaves gets
// its context's cause instead.
var ErrTimeout = errors.New("gate: waited too long")

// ErrWithdrawn reports that Withdraw took the waiter out of the queue.
var ErrWithdrawn = errors.New("gate: withdrawn from the queue")

// Config sizes a gate.
type Config struct {
	Permits int           // how many may work at once; at least 1
	Queue   int           // how many more may be inside; 0: none waits
	Timeout time.Duration // how long one may wait for a permit; 0: for ever
}

// Ticket describes the caller of a waiter. The queue is first come, first served; a ticket lets a
// later rule see more.
type Ticket struct {
	Caller   string
	Priority int
}

// Gate is safe for use by many goroutines.
type Gate struct {
	config Config

	mu     sync.Mutex
	inside int       // places taken
	inUse  int       // permits taken
	queue  list.List // of *Waiter, the next one first
}

// New returns an open gate.
func New(c Config) *Gate {
	return &Gate{config: c}
}

// State is what a gate looks like at one moment.
type State struct {
	Permits int // in all
	InUse   int // held
	Waiting int // in the queue
	Inside  int // places taken: preparing, waiting or working
}

// State reports the gate's numbers, taken together.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return State{Permits: g.config.Permits, InUse: g.inUse, Waiting: g.queue.Len(), Inside: g.inside}
}

// Slot is a right to be inside the gate. It belongs to one request.
type Slot struct {
	gate *Gate
	left atomic.Bool
}

// Check returns the error of Enter if it would fail now, and takes nothing.
func (g *Gate) Check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= g.config.Permits+g.config.Queue {
		return ErrFull
	}
	return nil
}

// Enter takes a place, or returns ErrFull at once.
func (g *Gate) Enter() (*Slot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= g.config.Permits+g.config.Queue {
		return nil, ErrFull
	}
	g.inside++
	return &Slot{gate: g}, nil
}

// Leave gives the place back. Only the first call counts.
func (p *Slot) Leave() {
	if p.left.Swap(true) {
		return
	}
	p.gate.mu.Lock()
	p.gate.inside--
	p.gate.mu.Unlock()
}

// Waiter waits in the queue. Exactly one call of Wait must follow Join.
type Waiter struct {
	gate    *Gate
	ticket  Ticket
	element *list.Element // nil once out of the queue; guarded by gate.mu
	granted chan struct{} // closed when the permit is there

	withdrawn chan struct{} // closed when Withdraw took it out
}

// Join enters the queue at its end, or takes a permit if one is free and the queue is empty.
func (p *Slot) Join(t Ticket) *Waiter {
	g := p.gate
	w := &Waiter{gate: g, ticket: t, granted: make(chan struct{}), withdrawn: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	w.element = g.queue.PushBack(w)
	g.grant()
	return w
}

// grant gives free permits to the head of the queue. The caller holds g.mu.
func (g *Gate) grant() {
	for g.inUse < g.config.Permits {
		head := g.queue.Front()
		if head == nil {
			return
		}
		w := g.queue.Remove(head).(*Waiter)
		w.element = nil
		g.inUse++
		close(w.granted)
	}
}

// Position returns the waiter's position in the queue, 1 for the next one, 0 once it has its permit
// or has left.
func (w *Waiter) Position() int {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if w.element == nil {
		return 0
	}
	n := 1
	for e := w.element.Prev(); e != nil; e = e.Prev() {
		n++
	}
	return n
}

// Withdraw takes the waiter out of the queue, whose Wait then returns ErrWithdrawn. It reports
// whether it did: a waiter that has a permit, or is leaving, stays as it is.
func (w *Waiter) Withdraw() bool {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if w.element == nil {
		return false
	}
	w.gate.queue.Remove(w.element)
	w.element = nil
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
		return &Permit{gate: w.gate}, nil
	default:
	}
	var expired <-chan time.Time
	if d := w.gate.config.Timeout; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-w.granted:
		return &Permit{gate: w.gate}, nil
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
	g := w.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.element != nil {
		g.queue.Remove(w.element)
		w.element = nil
		return why
	}
	select {
	case <-w.withdrawn:
		return ErrWithdrawn
	default:
	}
	g.inUse--
	g.grant()
	return why
}

// Permit is the right to work. It belongs to one piece of work.
type Permit struct {
	gate     *Gate
	released atomic.Bool
}

// Release gives the permit to the next waiter. Only the first call counts.
func (p *Permit) Release() {
	if p.released.Swap(true) {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.inUse--
	p.gate.grant()
}
