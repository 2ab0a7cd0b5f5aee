package fetch

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// slots bounds how many fetches run at once, in all and to one host.
type slots struct {
	total   *semaphore.Weighted
	perHost int64

	mu    sync.Mutex
	hosts map[string]*host
}

// A host is in the map as long as anybody uses it or waits for it.
type host struct {
	places *semaphore.Weighted
	users  int
}

func newSlots(total, perHost int) *slots {
	return &slots{total: semaphore.NewWeighted(int64(total)), perHost: int64(perHost), hosts: make(map[string]*host)}
}

// A place is leave to fetch from one host. It is for one goroutine.
type place struct {
	slots  *slots
	name   string
	host   *host
	inHost bool
}

// take waits for a place. First comes the host, then the whole, so that a slow host's queue holds up nobody else; and
// nobody who holds a place waits for another one.
func (s *slots) take(ctx context.Context, name string) (*place, error) {
	s.mu.Lock()
	h := s.hosts[name]
	if h == nil {
		h = &host{places: semaphore.NewWeighted(s.perHost)}
		s.hosts[name] = h
	}
	h.users++
	s.mu.Unlock()

	p := &place{s, name, h, true}
	if err := h.places.Acquire(ctx, 1); err != nil {
		p.forget()
		return nil, context.Cause(ctx)
	}
	if err := s.total.Acquire(ctx, 1); err != nil {
		p.leaveHost()
		return nil, context.Cause(ctx)
	}
	return p, nil
}

// leaveHost gives back the host's place and keeps the other.
func (p *place) leaveHost() {
	if p.inHost {
		p.inHost = false
		p.host.places.Release(1)
		p.forget()
	}
}

// leave gives back all that is left.
func (p *place) leave() {
	p.leaveHost()
	p.slots.total.Release(1)
}

func (p *place) forget() {
	p.slots.mu.Lock()
	defer p.slots.mu.Unlock()
	if p.host.users--; p.host.users == 0 {
		delete(p.slots.hosts, p.name)
	}
}
