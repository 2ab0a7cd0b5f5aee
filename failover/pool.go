package failover

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Server is one of the servers of a model.
type Server struct {
	Name     string // in logs and metrics
	Priority int    // the lowest is used first; servers of one priority share the load
	Weight   int    // the server's share among them; at least 1
}

// Config describes the servers of one model, and how long a request waits for them.
type Config struct {
	Model   string   // in logs and metrics
	Servers []Server // at least one

	// FailoverAfter is the silence after which the next free server is sent the request as well;
	// 0: never.
	FailoverAfter time.Duration

	// Total bounds the time of a request from its beginning to the last byte of the response, with
	// all attempts; 0: it has no bound.
	Total time.Duration

	Observer Observer     // nil: none
	Log      *slog.Logger // nil: slog.Default()
}

// Pool has the servers of one model, and chooses among them. Its methods may be called from many
// goroutines.
type Pool struct {
	config     Config
	servers    []*server // as in the configuration
	mu         sync.Mutex
	byPriority []*server
}

// server is a Server in use.
type server struct {
	Server
	index   int // its position in the configuration
	breaker breaker

	// Held by the pool's lock.
	outstanding int       // requests that have not ended
	credit      int       // of the weighted round robin
	cool        time.Time // it is cooling down until then
}

// New returns the pool of a model's servers, which are all free.
func New(c Config) *Pool {
	if c.Observer == nil {
		c.Observer = noObserver{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	p := &Pool{config: c}
	for i, s := range c.Servers {
		p.servers = append(p.servers, &server{Server: s, index: i})
	}
	p.byPriority = slices.Clone(p.servers)
	slices.SortStableFunc(p.byPriority, func(a, b *server) int { return cmp.Compare(a.Priority, b.Priority) })
	return p
}

// Idle reports whether no request to a server is under way, and no breaker waits for a probe. It is
// so once every Run has returned.
func (p *Pool) Idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.servers, func(s *server) bool { return s.outstanding != 0 || s.breaker.isProbing() })
}

// take chooses one of the usable servers, and counts a request to it until release is called: the
// one that takeFree chooses. If it chooses none, a server whose breaker is open, or that is cooling
// down, is taken: then the request is probing. It returns nil if no server is usable.
func (p *Pool) take(usable func(*server) bool) (s *server, probing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, others := p.free(usable)
	if s == nil {
		if len(others) == 0 {
			return nil, false
		}
		s, probing = others[0], true
	}
	s.begun()
	return s, probing
}

// takeFree chooses one of the usable servers that are free, and counts a request to it until
// release is called: the lowest priority first; among equals the one with the fewest outstanding
// requests for its weight; among those still equal by weighted round robin. A server is free unless
// its breaker is open or it is cooling down. It returns nil if none is.
func (p *Pool) takeFree(usable func(*server) bool) *server {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, _ := p.free(usable)
	if s != nil {
		s.begun()
	}
	return s
}

// free returns the free server that is used next, and the usable ones that are not free.
func (p *Pool) free(usable func(*server) bool) (next *server, others []*server) {
	now := time.Now()
	var best []*server
	for _, s := range p.byPriority {
		switch {
		case !usable(s):
		case now.Before(s.cool) || !s.breaker.admits():
			others = append(others, s)
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
	if len(best) > 0 {
		next = roundRobin(best)
	}
	return next, others
}

// begun counts a request to the server.
func (s *server) begun() {
	s.outstanding++
	s.breaker.begun()
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

// release ends what take, takeFree or retake began.
func (p *Pool) release(s *server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.outstanding--
}

// retake counts one more request to a server that was taken before; it returns false if its breaker
// is open by now.
func (p *Pool) retake(s *server) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.breaker.admits() {
		return false
	}
	s.begun()
	return true
}

// coolDown keeps requests away from a server for a while, if there are others.
func (p *Pool) coolDown(s *server, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(s.cool) {
		s.cool = until
	}
}
