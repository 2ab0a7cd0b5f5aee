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
	callers list.List // of *line: those with waiters; of equals the one that has waited longest first
	lines   map[memory.Account]*list.Element
	time    float64 // virtual: the work that each caller with waiters could have had by now
}

// line holds the waiters of one caller, the first first.
type line struct {
	caller  memory.Account
	waiters list.List // of *waiter
	finish  float64   // the virtual time at which the first one's work would be done
}

type waiter struct {
	weight  int64
	work    int64
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
func (l *Limit) acquire(ctx context.Context, weight, work int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	if l.waiting == 0 && l.inUse+weight <= l.capacity {
		l.inUse += weight
		l.mu.Unlock()
		return nil
	}
	w := &waiter{weight: weight, work: work, granted: make(chan struct{})}
	caller := memory.From(ctx)
	own := l.lines[caller]
	if own == nil {
		own = l.callers.PushBack(&line{caller: caller, finish: l.time + float64(work)})
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

// grant gives what is free to the caller whose turn it is: the one whose work would be done
// first if all that wait had equal shares (weighted fair queueing: Demers, Keshav and Shenker,
// 1989). So what is little work waits for little, also behind callers with much. The one whose turn
// it is lets no other go first, or it might never get what it needs; and as the virtual time goes
// on, each has its turn. The caller holds l.mu.
func (l *Limit) grant() {
	for l.waiting > 0 {
		own := l.next()
		first := own.Value.(*line).waiters.Front()
		w := first.Value.(*waiter)
		if l.inUse+w.weight > l.capacity {
			return
		}
		l.inUse += w.weight
		l.time += float64(w.work) / float64(len(l.lines))
		l.callers.MoveToBack(own)
		l.remove(own, first)
		close(w.granted)
	}
}

// next returns the line whose turn it is. There is one.
func (l *Limit) next() *list.Element {
	best := l.callers.Front()
	for e := best.Next(); e != nil; e = e.Next() {
		if e.Value.(*line).finish < best.Value.(*line).finish {
			best = e
		}
	}
	return best
}

// remove takes a waiter out of its line. The caller holds l.mu.
func (l *Limit) remove(own, element *list.Element) {
	of := own.Value.(*line)
	wasFirst := of.waiters.Front() == element
	of.waiters.Remove(element)
	l.waiting--
	switch next := of.waiters.Front(); {
	case next == nil:
		l.callers.Remove(own)
		delete(l.lines, of.caller)
	case wasFirst:
		of.finish = max(l.time, of.finish) + float64(next.Value.(*waiter).work)
	}
}

func (l *Limit) release(weight int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse -= weight
	l.grant()
}
