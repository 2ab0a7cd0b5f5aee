package memory

import (
	"context"
	"sync"
	"time"

	"penstock/apierr"
)

// Kind is what reserved memory is for. Metrics have a line for each.
type Kind string

// The kinds of reservations.
const (
	Body    Kind = "body"    // a request's body
	Decode  Kind = "decode"  // what decoding makes of a body
	Picture Kind = "picture" // decoding pictures, and their pixels
	Fetch   Kind = "fetch"   // bodies that are fetched for a request
	Answer  Kind = "answer"  // whole responses that are gathered
	Stream  Kind = "stream"  // events kept for readers
	Cache   Kind = "cache"   // what caches keep for later requests

	Attention Kind = "attention" // attention caches of generations
)

// MaxWait is how long a reservation waits for memory, all waits in a row together: one that grows
// little by little would else keep what it holds from others for long.
const MaxWait = 2 * time.Second

// maxWaiters is how many reservations wait at one time; a caller may have half of these.
const maxWaiters = 512

// retryPressure is how often it is looked whether the process has memory again.
const retryPressure = 50 * time.Millisecond

// A Budget is the memory that reservations share. It may be used by any number of goroutines at
// once. A nil Budget is without limit.
type Budget struct {
	mu       sync.Mutex
	limit    int64
	used     int64
	accounts map[string]*account // those that hold or wait
	kinds    map[Kind]int64
	waiters  []*waiter // in the order they came
	refused  int64

	// pressure reports that the process has no memory now, whatever is free of the budget: garbage
	// is not collected yet. It is nil if that is not known.
	pressure func() bool
}

// account is what one caller holds and waits for.
type account struct {
	used    int64
	waiting int
}

type waiter struct {
	reservation *Reservation
	bytes       int64
	granted     chan struct{}
}

// New returns a Budget of limit bytes.
func New(limit int64) *Budget {
	return &Budget{limit: limit, accounts: map[string]*account{}, kinds: map[Kind]int64{}}
}

// SetLimit changes the limit. What is held stays held.
func (b *Budget) SetLimit(limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	b.serve()
}

// Watch makes reservations wait as long as pressure returns true. It is called with a lock held,
// for each that is not small, and must be quick.
func (b *Budget) Watch(pressure func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pressure = pressure
}

// pressed reports whether a reservation must wait for the process, as it is not small.
func (b *Budget) pressed(bytes int64) bool {
	return bytes >= step && b.pressure != nil && b.pressure()
}

// A Snapshot is the state of a Budget at one moment.
type Snapshot struct {
	Limit   int64
	Used    int64
	Kinds   map[Kind]int64
	Callers int   // that hold or wait for some
	Waiting int   // reservations
	Refused int64 // reservations, since the start
}

// Snapshot returns the state of the budget.
func (b *Budget) Snapshot() Snapshot {
	if b == nil {
		return Snapshot{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Snapshot{
		Limit: b.limit, Used: b.used, Kinds: map[Kind]int64{},
		Callers: len(b.accounts), Waiting: len(b.waiters), Refused: b.refused,
	}
	for _, k := range []Kind{Body, Decode, Picture, Fetch, Answer, Stream, Cache, Attention} {
		s.Kinds[k] = b.kinds[k]
	}
	return s
}

// alone is how much a caller may hold while no other waits.
func (b *Budget) alone() int64 { return b.limit - b.limit/10 }

// share is how much a caller may hold while another waits.
func (b *Budget) share() int64 { return b.limit / 2 }

// account returns the account of a caller, made if need be. It is deleted once it is idle.
func (b *Budget) account(name string) *account {
	a := b.accounts[name]
	if a == nil {
		a = &account{}
		b.accounts[name] = a
	}
	return a
}

func (b *Budget) dropIdle(name string) {
	if a := b.accounts[name]; a != nil && a.used == 0 && a.waiting == 0 {
		delete(b.accounts, name)
	}
}

// allowed reports whether an account may hold that much more, as far as other callers go.
func (b *Budget) allowed(a *account, bytes int64) bool {
	if len(b.waiters) > a.waiting {
		return a.used+bytes <= b.share()
	}
	return a.used+bytes <= b.alone()
}

func (b *Budget) take(r *Reservation, a *account, bytes int64) {
	r.granted += bytes
	a.used += bytes
	b.used += bytes
	b.kinds[r.kind] += bytes
}

// serve grants what fits to those that wait.
func (b *Budget) serve() {
	for {
		best, least := -1, int64(0)
		for i, w := range b.waiters {
			a := b.accounts[w.reservation.account.name]
			if (best < 0 || a.used < least) && b.allowed(a, w.bytes) {
				best, least = i, a.used
			}
		}
		if best < 0 || b.used+b.waiters[best].bytes > b.limit || b.pressed(b.waiters[best].bytes) {
			return // the others wait behind it, or it would never get what it needs
		}
		w := b.waiters[best]
		b.remove(best)
		b.take(w.reservation, b.accounts[w.reservation.account.name], w.bytes)
		close(w.granted)
	}
}

func (b *Budget) remove(i int) {
	name := b.waiters[i].reservation.account.name
	b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
	b.accounts[name].waiting--
}

// try reserves at once, or not at all.
func (b *Budget) try(r *Reservation, bytes int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tryLocked(r, bytes)
}

func (b *Budget) tryLocked(r *Reservation, bytes int64) bool {
	a := b.account(r.account.name)
	defer b.dropIdle(r.account.name)
	if b.used+bytes > b.limit || !b.allowed(a, bytes) || b.before(a, bytes) || b.pressed(bytes) {
		return false
	}
	b.take(r, a, bytes)
	return true
}

// before reports whether a waiter comes before an account that does not wait yet: one that waits
// for memory, not for its own share, and holds no more.
func (b *Budget) before(a *account, bytes int64) bool {
	for _, w := range b.waiters {
		other := b.accounts[w.reservation.account.name]
		if other.used <= a.used && b.allowed(other, w.bytes) && b.used+bytes+w.bytes > b.limit {
			return true
		}
	}
	return false
}

// grow reserves, and waits if it has to.
func (b *Budget) grow(ctx context.Context, r *Reservation, bytes int64) error {
	b.mu.Lock()
	if b.tryLocked(r, bytes) {
		b.mu.Unlock()
		r.waited = 0
		return nil
	}
	a := b.account(r.account.name)
	if a.waiting >= maxWaiters/2 || len(b.waiters) >= maxWaiters || bytes > b.alone() {
		b.refused++
		b.dropIdle(r.account.name)
		b.mu.Unlock()
		return exhausted()
	}
	w := &waiter{reservation: r, bytes: bytes, granted: make(chan struct{})}
	a.waiting++
	b.waiters = append(b.waiters, w)
	b.mu.Unlock()

	began := time.Now()
	defer func() { r.waited += time.Since(began) }()
	timer := time.NewTimer(MaxWait - r.waited)
	defer timer.Stop()
	retry := time.NewTicker(retryPressure)
	defer retry.Stop()
	for {
		select {
		case <-w.granted:
			return nil
		case <-retry.C: // nothing reports that pressure is over
			b.mu.Lock()
			b.serve()
			b.mu.Unlock()
		case <-timer.C:
			r.waited -= MaxWait // its owner may try again later
			return b.giveUp(w, exhausted())
		case <-ctx.Done():
			return b.giveUp(w, context.Cause(ctx))
		}
	}
}

// giveUp ends a wait with err, unless it has just been granted.
func (b *Budget) giveUp(w *waiter, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waiters {
		if b.waiters[i] == w {
			b.remove(i)
			b.dropIdle(w.reservation.account.name)
			b.refused++
			b.serve() // others may have waited behind it, or for their share because of it
			return err
		}
	}
	return nil
}

func (b *Budget) release(r *Reservation, bytes int64) {
	if bytes == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.granted -= bytes
	b.accounts[r.account.name].used -= bytes
	b.used -= bytes
	b.kinds[r.kind] -= bytes
	b.serve()
	b.dropIdle(r.account.name)
}

func exhausted() error {
	return &apierr.Error{
		Code: apierr.CodeMemoryExhausted, RetryAfter: time.Second,
		Message: "there is no memory for this request now; try again later, or send less at a time",
	}
}
