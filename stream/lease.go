package stream

import (
	"context"
	"time"
)

// ReadersChanged implements Owner.
func (s *Stream) ReadersChanged() { s.settle() }

// settle makes the lease follow from readers and producer, after either has changed.
//
// A plain stream's generation ends with its reader. Any other has a lease, which runs while it has
// no reader, or, if it is detached, from its end on; when the lease runs out the generation is
// canceled, and once that has ended the stream is deleted.
func (s *Stream) settle() {
	drop, changed := s.renew()
	if changed && s.config.Absent != nil {
		s.config.Absent(s)
	}
	if drop {
		// The store may be slow; what it does not drop now its own lease will.
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		_ = s.log.Drop(ctx)
	}
}

// renew does what settle says, and reports whether the log is to be dropped, and whether what
// Absent reports has changed.
func (s *Stream) renew() (drop, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	drop = s.lease()
	absent := s.timer != nil && s.state != stateEnded && !s.config.Detached
	changed = absent != s.absent
	s.absent = absent
	return drop, changed
}

// Absent reports whether the generation runs and its last reader has gone, though it may come back:
// it has a Lease, and is not Detached.
func (s *Stream) Absent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.absent
}

// lease starts or stops the lease, and reports whether the log is to be dropped. The caller holds
// s.mu.
func (s *Stream) lease() (drop bool) {
	ended := s.state == stateEnded
	if plain, ok := s.log.(*plainLog); ok {
		if ended {
			s.streams.remove(s) // its reader, if there is one, still takes the rest
		} else if plain.abandoned() {
			s.cancel(ErrNoReader)
		}
		return false
	}
	if s.log == nil || s.dropped {
		return false
	}
	readers := s.log.Readers()
	if s.expired {
		if !ended {
			return false
		}
		if readers > 0 { // they take the rest, and no new ones come
			s.streams.taken(s)
			return false
		}
		s.dropped = true
		s.streams.remove(s)
		return true
	}
	runs := readers == 0
	if s.config.Detached {
		runs = ended
	}
	switch {
	case !runs && s.timer != nil:
		s.timer.Stop()
		s.timer = nil
	case runs && s.timer == nil:
		s.leases++
		n := s.leases
		s.timer = time.AfterFunc(s.config.Lease, func() { s.expire(n) })
	}
	return false
}

// expire ends the stream whose n-th lease has run out, unless that lease ended at the same moment.
func (s *Stream) expire(n int) {
	if s.lapse(n) {
		s.cancel(ErrNoReader)
		s.settle()
	}
}

// lapse notes that the n-th lease has run out, and reports whether it was still running.
func (s *Stream) lapse(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil || s.leases != n || !s.config.Detached && s.log.Readers() > 0 {
		return false
	}
	s.timer = nil
	s.expired = true
	return true
}

// retire admits no new reader, and cancels the generation if it runs.
func (s *Stream) retire() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.expired = true
	s.mu.Unlock()
	s.cancel(ErrNoReader)
	s.settle()
}

// resumable reports whether a reader may open the stream now.
func (s *Stream) resumable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.Lease > 0 && s.log != nil && (!s.expired || s.state != stateEnded)
}
