package limit

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// A Limit bounds how much of something is in use at one time. It may be used by any number of
// goroutines at once.
type Limit struct {
	name     string
	rank     Rank
	capacity int64

	semaphore *semaphore.Weighted
	inUse     atomic.Int64
	waiting   atomic.Int64
}

// New makes a Limit. Its name is for metrics.
func New(name string, rank Rank, capacity int64) *Limit {
	return &Limit{name: name, rank: rank, capacity: capacity, semaphore: semaphore.NewWeighted(capacity)}
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
	return Snapshot{l.name, l.rank, l.capacity, l.inUse.Load(), int(l.waiting.Load())}
}

// acquire waits for weight, which must not be more than there is. Its error is the cause of ctx.
func (l *Limit) acquire(ctx context.Context, weight int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !l.semaphore.TryAcquire(weight) { // it fails while others wait, too: no waiter is overtaken
		l.waiting.Add(1)
		err := l.semaphore.Acquire(ctx, weight)
		l.waiting.Add(-1)
		if err != nil {
			return context.Cause(ctx)
		}
	}
	l.inUse.Add(weight)
	return nil
}

func (l *Limit) release(weight int64) {
	l.inUse.Add(-weight) // first, so that InUse never exceeds Capacity
	l.semaphore.Release(weight)
}
