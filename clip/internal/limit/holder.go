package limit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// A Holder acquires limits for one goroutine of a request, in ascending rank only. The zero Holder
// holds nothing. Its Holds may be released by any goroutine.
type Holder struct {
	parent *Holder

	mu   sync.Mutex
	held []Rank // in ascending order; the last may still be waited for
}

// Child makes a Holder for another goroutine of the request. What h holds counts as held by the
// child, because h may wait for the child before it releases it.
func (h *Holder) Child() *Holder { return &Holder{parent: h} }

// A Hold is a share of a limit that is in use, until it is released.
type Hold struct {
	holder   *Holder
	limit    *Limit
	weight   int64
	then     func() // called on release; may be nil
	released atomic.Bool
}

// Acquire waits until weight of l is free, behind those whose turn comes before, or until ctx ends;
// then its error is the cause of ctx. A weight that exceeds the capacity takes all of it. Acquire
// panics if h already holds a limit of the same or a higher rank.
func (h *Holder) Acquire(ctx context.Context, l *Limit, weight int64) (*Hold, error) {
	return h.acquire(ctx, l, weight, weight, nil)
}

// AcquireFor is Acquire for an amount of work that does not follow from the weight: turns are
// shared out by it.
func (h *Holder) AcquireFor(ctx context.Context, l *Limit, weight, work int64) (*Hold, error) {
	return h.acquire(ctx, l, weight, work, nil)
}

func (h *Holder) acquire(ctx context.Context, l *Limit, weight, work int64, then func()) (*Hold, error) {
	h.reserve(l)
	hold := &Hold{holder: h, limit: l, weight: min(weight, l.capacity), then: then}
	if err := l.acquire(ctx, hold.weight, work); err != nil {
		hold.leave()
		return nil, err
	}
	return hold, nil
}

// Release ends the use. Further calls do nothing.
func (h *Hold) Release() {
	if h.released.CompareAndSwap(false, true) {
		h.limit.release(h.weight)
		h.leave()
	}
}

// leave makes the rank free for another Acquire.
func (h *Hold) leave() {
	h.holder.mu.Lock()
	h.holder.held = slices.DeleteFunc(h.holder.held, func(r Rank) bool { return r == h.limit.rank })
	h.holder.mu.Unlock()
	if h.then != nil {
		h.then()
	}
}

// reserve notes the rank of l before it is waited for, so that the order is checked even where
// there is no need to wait.
func (h *Holder) reserve(l *Limit) {
	inherited := Rank(0)
	if h.parent != nil {
		inherited = h.parent.highest()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if highest := max(inherited, h.own()); highest >= l.rank {
		panic(fmt.Sprintf("limit: %s, of rank %d, is acquired while a limit of rank %d is held", l.name, l.rank, highest))
	}
	h.held = append(h.held, l.rank)
}

// highest is the highest rank that h or a parent holds, 0 for none.
func (h *Holder) highest() Rank {
	inherited := Rank(0)
	if h.parent != nil {
		inherited = h.parent.highest()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(inherited, h.own())
}

func (h *Holder) own() Rank {
	if len(h.held) == 0 {
		return 0
	}
	return h.held[len(h.held)-1]
}
