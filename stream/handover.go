package stream

import (
	"sync/atomic"

	"penstock/sse"
)

// handover lets the producer of a plain stream pass events to its reader's sink itself, without a
// switch to the reader's goroutine: that is most of what relaying an event costs beside its system
// calls. A sink that is not ready, or is just being written to, never holds the producer up: the
// events go into the log then, and the reader's goroutine takes them from there.
type handover struct{ delivery *delivery }

// offer passes events to the sink and reports whether it took them. The log calls it only while it
// holds nothing that the reader has not taken.
func (h *handover) offer(events []sse.Event, first int64) bool {
	d := h.delivery
	if !d.mu.TryLock() {
		return false
	}
	panicked := true
	defer func() {
		if panicked { // the producer gets the panic, and the reader's goroutine an error
			d.gone, d.broken = true, errSinkPanicked
			ping(d.news)
		}
		d.mu.Unlock()
	}()
	took := d.hand(events, first)
	panicked = false
	return took
}

// hand passes events to a sink that is ready, and reports whether it took them. The caller holds
// d.mu.
func (d *delivery) hand(events []sse.Event, first int64) bool {
	bytes := 0
	for _, e := range events {
		bytes += size(e)
	}
	if d.gone || !d.sink.Ready(bytes) {
		return false
	}
	d.start(true)
	d.events(events, first, false)
	if d.gone {
		ping(d.news) // the reader's goroutine returns
	}
	return true
}

// lock is a mutex on which virtual time sees a goroutine wait (testing/synctest): a sink may take
// its time. Taking a free lock costs one atomic operation, which is done for each event.
type lock struct {
	held     atomic.Bool
	released chan struct{} // cap 1; pinged by Unlock
}

func newLock() lock { return lock{released: make(chan struct{}, 1)} }

func (l *lock) TryLock() bool { return l.held.CompareAndSwap(false, true) }

func (l *lock) Lock() {
	for !l.TryLock() {
		<-l.released
	}
}

func (l *lock) Unlock() {
	l.held.Store(false)
	ping(l.released)
}
