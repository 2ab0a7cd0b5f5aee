package upstream

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// server is a Server at work.
type server struct {
	Server
	index     int // its place in the configuration
	transport transport
	breaker   breaker

	// Held by the pool's lock.
	outstanding int       // requests under way
	credit      int       // for taking turns among equals
	cool        time.Time // it asked to be left alone until then
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

// take chooses a server among those that may be asked, and counts a request to it until
// give is called: the lowest priority first; among equals the one with the fewest
// requests under way for its weight; among those still equal they take turns. Servers
// whose breaker is open, or that asked to be left alone, come only when there are no
// others: then hopeful is false. It returns nil when none is left.
func (p *pool) take(may func(*server) bool) (s *server, hopeful bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var best, last []*server
	for _, s := range p.servers {
		switch {
		case !may(s):
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
		s, hopeful = turn(best), true
	case len(last) > 0:
		s = last[0]
	default:
		return nil, false
	}
	s.outstanding++
	s.breaker.begun()
	return s, hopeful
}

// turn lets servers take turns by weight, evenly mixed, as nginx's round robin does:
// each gains its weight, and the richest is chosen and pays what all have gained.
func turn(servers []*server) *server {
	total := 0
	for _, s := range servers {
		s.credit += s.Weight
		total += s.Weight
	}
	chosen := slices.MaxFunc(servers, func(a, b *server) int { return cmp.Compare(a.credit, b.credit) })
	chosen.credit -= total
	return chosen
}

// give ends what take or again began.
func (p *pool) give(s *server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.outstanding--
}

// again counts one more request to a server that was taken before; it returns false if
// its breaker is open by now.
func (p *pool) again(s *server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.breaker.admits() {
		return false
	}
	s.outstanding++
	s.breaker.begun()
	return true
}

// leaveAlone keeps requests away from a server for a while, where there are others.
func (p *pool) leaveAlone(s *server, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(s.cool) {
		s.cool = until
	}
}
