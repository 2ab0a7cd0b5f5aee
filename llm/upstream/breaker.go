package upstream

import (
	"sync"
	"time"
)

const (
	breakerFailures = 3                // in a row, and the breaker opens
	breakerPause    = 10 * time.Second // between the probes of an open one
)

// breaker keeps requests away from a server that fails again and again, but for one
// probe in every breakerPause; the first probe that gets an answer closes it. It is told
// of each request by begun, by answered when content begins to come, and by ended. Its
// methods may be called from many goroutines.
//
// The circuit breakers of libraries count a probe as a success only when its request
// is over, which for a stream is minutes after the server was known to be well, and
// wait for ever for a probe whose client has left.
type breaker struct {
	mu       sync.Mutex
	failures int // in a row
	open     bool
	probing  bool      // a probe is under way
	probe    time.Time // not before then
}

// admits tells whether a request may go to the server now.
func (b *breaker) admits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open || !b.probing && !time.Now().Before(b.probe)
}

// begun notes that a request goes to the server; with the breaker open it is the probe.
func (b *breaker) begun() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = b.open
}

// answered notes that the server is alive.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		b.open, b.probing, b.failures = false, false, 0
	}
}

// verdict is what the end of a request says about its server.
type verdict int

const (
	noVerdict verdict = iota // the client left, or the server only wanted less to do
	well
	unwell
)

// ended notes the end of a request.
func (b *breaker) ended(v verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch v {
	case well:
		b.failures, b.open = 0, false
	case unwell:
		b.failures++
		if b.open || b.failures >= breakerFailures {
			b.open = true
			b.probe = time.Now().Add(breakerPause)
		}
	case noVerdict:
	}
}
