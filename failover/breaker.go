package failover

import (
	"sync"
	"time"
)

const (
	breakerFailures = 3                // in a row, and the breaker opens
	breakerPause    = 10 * time.Second // between the probes of an open one
)

// breaker is a circuit breaker: when a server has failed breakerFailures times in a row it opens,
// and lets one request through every breakerPause, as a probe; the first probe that gets a response
// closes it. It is notified of each request by begun, by responded when content arrives, and by
// ended. Its methods may be called from many goroutines.
//
// The circuit breakers of libraries count a probe as a success only when its request has ended,
// which for a stream is minutes after the server is known to be healthy, and wait for ever for a
// probe whose client has left.
type breaker struct {
	mu       sync.Mutex
	failures int // in a row
	open     bool
	probing  bool      // a probe is under way
	probe    time.Time // not before then
}

// admits reports whether a request may be sent to the server now.
func (b *breaker) admits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open || !b.probing && !time.Now().Before(b.probe)
}

// isProbing reports whether a probe is under way.
func (b *breaker) isProbing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.probing
}

// begun notes that a request is sent to the server; if the breaker is open it is the probe.
func (b *breaker) begun() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = b.open
}

// responded notes that the server responds.
func (b *breaker) responded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open {
		b.open, b.probing, b.failures = false, false, 0
	}
}

// ended notes the end of a request.
func (b *breaker) ended(h health) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch h {
	case healthy:
		b.failures, b.open = 0, false
	case unhealthy:
		b.failures++
		if b.open || b.failures >= breakerFailures {
			b.open = true
			b.probe = time.Now().Add(breakerPause)
		}
	case healthUnknown:
	}
}
