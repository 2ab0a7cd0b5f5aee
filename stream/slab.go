package stream

import "penstock/sse"

// slab keeps copies of small pieces of data in larger ones, so that not each costs an allocation.
type slab struct{ free []byte }

const (
	firstSlab = 256     // bytes; a slab grows with what is kept, so that a short stream's log is small
	fullSlab  = 2 << 10 // bytes
)

// keep returns an event whose data are its own.
func (s *slab) keep(c sse.Event) sse.Event {
	n := len(c.Data)
	if n > fullSlab/4 {
		c.Data = append([]byte(nil), c.Data...)
		return c
	}
	if cap(s.free)-len(s.free) < n {
		s.free = make([]byte, 0, max(n, min(max(firstSlab, 2*cap(s.free)), fullSlab)))
	}
	begin := len(s.free)
	s.free = append(s.free, c.Data...)
	c.Data = s.free[begin:len(s.free):len(s.free)]
	return c
}
