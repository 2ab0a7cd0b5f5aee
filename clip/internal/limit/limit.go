package limit

import (
	"container/list"
	"context"
	"sync"

	"penstock/memory"
)

// A Limit bounds how much of something is in use at one time. It may be used by any number of
// goroutines at once.
type Limit struct {
	name     string
	rank     Rank
	capacity int64

	mu      sync.Mutex
	inUse   int64
	waiting int
	callers list.List // of *line: those with waiters, the next one first
	lines   map[memory.Account]*list.Element
}

// line holds the waiters of one caller, the first first.
type line struct {
	caller  memory.Account
	waiters list.List // of *waiter
}

type waiter struct {
	weight  int64
	granted chan struct{} // closed under the limit's lock
}

// New makes a Limit. Its name is for metrics.
func New(name string, rank Rank, capacity int64) *Limit {
	return &Limit{name: name, rank: rank, capacity: capacity, lines: map[memory.Account]*list.Element{}}
}

// A Snapshot is the state of a Limit at one moment.
type Snapshot struct {
	Name     string
	Rank     Rank
	Capacity int64 // in units of what is bounded: bytes, cores, fetches
	InUse    int64 // of Capacity
	Waiting  int   // requests
}

// Snapshot returns the state of the limit.
func (l *Limit) Snapshot() Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Snapshot{l.name, l.rank, l.capacity, l.inUse, l.waiting}
}

// acquire waits for weight, which must not be more than there is. Its error is the cause of ctx.
func (l *Limit) acquire(ctx context.Context, weight int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	if l.waiting == 0 && l.inUse+weight <= l.capacity {
		l.inUse += weight
		l.mu.Unlock()
		return nil
	}
	w := &waiter{weight: weight, granted: make(chan struct{})}
	caller := memory.From(ctx)
	own := l.lines[caller]
	if own == nil {
		own = l.callers.PushBack(&line{caller: caller})
		l.lines[caller] = own
	}
	element := own.Value.(*line).waiters.PushBack(w)
	l.waiting++
	l.mu.Unlock()

	select {
	case <-w.granted:
		if ctx.Err() == nil {
			return nil
		}
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.granted: // at the same moment
		l.inUse -= weight
	default:
		l.remove(own, element)
	}
	l.grant()
	return context.Cause(ctx)
}

// grant gives what is free to those whose turn it is. The one whose turn it is lets no other go
// first, or it might never get what it needs. The caller holds l.mu.
func (l *Limit) grant() {
	for own := l.callers.Front(); own != nil; own = l.callers.Front() {
		first := own.Value.(*line).waiters.Front()
		w := first.Value.(*waiter)
		if l.inUse+w.weight > l.capacity {
			return
		}
		l.inUse += w.weight
		l.callers.MoveToBack(own)
		l.remove(own, first)
		close(w.granted)
	}
}

// remove takes a waiter out of its line. The caller holds l.mu.
func (l *Limit) remove(own, element *list.Element) {
	of := own.Value.(*line)
	of.waiters.Remove(element)
	l.waiting--
	if of.waiters.Len() == 0 {
		l.callers.Remove(own)
		delete(l.lines, of.caller)
	}
}

func (l *Limit) release(weight int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse -= weight
	l.grant()
}
