package gate

// A Bound limits how many permits tickets hold together, below what the gate has. Waiters of an
// exhausted Bound are passed over, so that others have the permits that are left.
type Bound struct {
	permits int
	inUse   int // guarded by the gate's lock
}

// NewBound returns a Bound of so many permits, at least 1. It is for the tickets of one gate.
func NewBound(permits int) *Bound { return &Bound{permits: permits} }

// exhausted reports whether no more permits are to be given. A nil Bound is never exhausted.
func (b *Bound) exhausted() bool { return b != nil && b.inUse >= b.permits }

// take counts n permits more as held.
func (b *Bound) take(n int) {
	if b != nil {
		b.inUse += n
	}
}
