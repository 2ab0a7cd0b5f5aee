package engine

import "time"

// count lets the stream's lease run or not as its readers and its producer come and go. The caller holds s.mu.
//
// A plain stream's generation ends with its reader. Any other has a lease, which runs while nobody reads, or, if it is
// detached, from its end on; when it runs out the generation is cancelled, and once that is over the stream is forgotten.
func (s *Stream) count() {
	over := s.state == streamOver
	switch {
	case s.options.Lease <= 0:
		if over {
			s.verb.model.engine.forget(s) // its reader, if there is one, still takes the rest
		} else if s.joined && len(s.readers) == 0 {
			s.cancel(ErrNobodyReads)
		}
		return
	case s.expired:
		if over {
			s.verb.model.engine.forget(s)
			if len(s.readers) == 0 { // those who are there take the rest
				s.log.Drop()
			}
		}
		return
	}
	runs := len(s.readers) == 0
	if s.options.Detached {
		runs = over
	}
	if !runs && s.lease != nil {
		s.lease.Stop()
		s.lease = nil
	}
	if runs && s.lease == nil {
		s.leases++
		n := s.leases
		s.lease = time.AfterFunc(s.options.Lease, func() { s.expire(n) })
	}
}

// expire ends the stream whose n-th lease has run out, unless that lease was ended in the same moment.
func (s *Stream) expire(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease != nil && s.leases == n {
		s.retire()
	}
}

// retire lets nobody new read the stream, and cancels it if it runs. The caller holds s.mu.
func (s *Stream) retire() {
	if s.lease != nil {
		s.lease.Stop()
		s.lease = nil
	}
	s.expired = true
	s.cancel(ErrNobodyReads)
	s.count()
}
