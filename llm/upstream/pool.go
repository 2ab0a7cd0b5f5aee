package upstream

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// server is a Server in use.
type server struct {
	Server
	index     int // its position in the configuration
	transport transport
	breaker   breaker

	refusesUsage atomic.Bool // it has refused to be asked for the usage of a stream

	// Held by the pool's lock.
	outstanding int       // requests that have not ended
	credit      int       // of the weighted round robin
	cool        time.Time // it is cooling down until then
}

// pool chooses servers. Its methods may be called from many goroutines.
type pool struct {
	mu      sync.Mutex
	servers []*server // by priority
}

func newPool(servers []*server) *pool {
	servers = slices.Clone(servers)
	slices.SortStableFunc(servers, func(a, b *server) int { return cmp.Compare(a.Priority, b.Priority) })
	return &pool{servers: servers}
}

// take chooses one of the usable servers, and counts a request to it until release is called: the
// lowest priority first; among equals the one with the fewest outstanding requests for its weight;
// among those still equal by weighted round robin. Servers whose breaker is open, or that are
// cooling down, are chosen only if there are no others: then the request is probing. It returns nil
// if no server is usable.
func (p *pool) take(usable func(*server) bool) (s *server, probing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var best, last []*server
	for _, s := range p.servers {
		switch {
		case !usable(s):
		case now.Before(s.cool) || !s.breaker.admits():
			last = append(last, s)
		case len(best) == 0:
			best = append(best, s)
		case best[0].Priority == s.Priority:
			switch load := cmp.Compare(s.outstanding*best[0].Weight, best[0].outstanding*s.Weight); {
			case load < 0:
				best = append(best[:0], s)
			case load == 0:
				best = append(best, s)
			}
		}
	}
	switch {
	case len(best) > 0:
		s = roundRobin(best)
	case len(last) > 0:
		s, probing = last[0], true
	default:
		return nil, false
	}
	s.outstanding++
	s.breaker.begun()
	return s, probing
}

// roundRobin chooses servers in proportion to their weights, evenly mixed, as nginx's smooth
// weighted round robin does: each gains its weight as credit, and the one with the most is chosen
// and loses what all have gained.
func roundRobin(servers []*server) *server {
	total := 0
	for _, s := range servers {
		s.credit += s.Weight
		total += s.Weight
	}
	chosen := slices.MaxFunc(servers, func(a, b *server) int { return cmp.Compare(a.credit, b.credit) })
	chosen.credit -= total
	return chosen
}

// release ends what take or retake began.
func (p *pool) release(s *server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.outstanding--
}

// retake counts one more request to a server that was taken before; it returns false if its breaker
// is open by now.
func (p *pool) retake(s *server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.breaker.admits() {
		return false
	}
	s.outstanding++
	s.breaker.begun()
	return true
}

// coolDown keeps requests away from a server for a while, if there are others.
func (p *pool) coolDown(s *server, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(s.cool) {
		s.cool = until
	}
}
