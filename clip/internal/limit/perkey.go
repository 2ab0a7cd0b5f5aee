package limit

import (
	"context"
	"sync"
)

// PerKey is a limit for each key, a host for example, all of one name, rank and capacity. A key
// takes memory only while it is in use or waited for.
type PerKey struct {
	name     string
	rank     Rank
	capacity int64

	mu     sync.Mutex
	limits map[string]*counted
}

// counted is the limit of one key, and how many use it or wait for it.
type counted struct {
	*Limit
	users int
}

// NewPerKey makes a PerKey whose limits have a capacity each.
func NewPerKey(name string, rank Rank, capacity int64) *PerKey {
	return &PerKey{name: name, rank: rank, capacity: capacity, limits: make(map[string]*counted)}
}

// Keys returns how many keys are in use or waited for.
func (p *PerKey) Keys() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.limits)
}

// Snapshot returns the state of all keys: the Capacity of one, and the sums of what is in use and
// of what waits.
func (p *PerKey) Snapshot() Snapshot {
	all := Snapshot{Name: p.name, Rank: p.rank, Capacity: p.capacity}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.limits {
		one := l.Snapshot()
		all.InUse += one.InUse
		all.Waiting += one.Waiting
	}
	return all
}

// AcquireKey is Acquire for the limit of a key.
func (h *Holder) AcquireKey(ctx context.Context, p *PerKey, key string, weight int64) (*Hold, error) {
	l := p.enter(key)
	return h.acquire(ctx, l, weight, weight, func() { p.leave(key) })
}

func (p *PerKey) enter(key string) *Limit {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.limits[key]
	if l == nil {
		l = &counted{Limit: New(p.name, p.rank, p.capacity)}
		p.limits[key] = l
	}
	l.users++
	return l.Limit
}

func (p *PerKey) leave(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.limits[key]; l.users > 1 {
		l.users--
		return
	}
	delete(p.limits, key)
}
