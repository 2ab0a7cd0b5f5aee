package stream

import (
	"context"
	"time"
)

// ReadersChanged implements Owner. A store may be slow, and so the log is dropped in a goroutine of
// its own, for which Streams.Close waits.
func (s *Stream) ReadersChanged() {
	switch {
	case !s.update():
	case s.streams.isClosing(): // which does not wait for this stream
		s.drop()
	default:
		go s.drop()
	}
}

// settle makes the lease follow from readers and producer, after either has changed.
//
// A plain stream's generation ends with its reader. Any other has a lease, which runs while it has
// no reader, or, if it is detached, from its end on; when the lease runs out the generation is
// canceled, and once that has ended the stream is deleted.
func (s *Stream) settle() {
	if s.update() {
		s.drop()
	}
}

// update does what settle says, but for deleting: it reports whether the caller has to drop the
// log.
func (s *Stream) update() (drop bool) {
	drop, changed := s.renew()
	if changed && s.config.Absent != nil {
		s.config.Absent(s)
	}
	return drop
}

// drop deletes the log, and then the stream: until then Streams.Open finds it here, as one that
// takes no new readers, and not in the store. It is called once, after renew.
func (s *Stream) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	_ = s.log.Drop(ctx) // what the store does not drop now its own lease will
	s.streams.remove(s)
	close(s.gone)
}

// renew sets the lease, and reports whether the log is to be dropped, and whether what Absent
// reports has changed.
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
		s.streams.taken(s) // no reader can come back for its end
		if readers > 0 {   // they take the rest
			return false
		}
		s.dropped = true
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
	if s.timer == nil || s.leases != n {
		return false
	}
	if !s.config.Detached && s.log.Readers() > 0 { // one has just come, and may leave before renew sees it
		s.timer = nil
		return false
	}
	s.timer = nil
	s.expired = true
	return true
}

// retire admits no new reader, cancels the generation if it runs, and waits until the log is
// deleted, unless readers still take the rest.
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
	s.mu.Lock()
	dropped := s.dropped
	s.mu.Unlock()
	if dropped {
		<-s.gone
	}
}

// resumable reports whether a reader may open the stream now.
func (s *Stream) resumable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.Lease > 0 && s.log != nil && (!s.expired || s.state != stateEnded)
}
