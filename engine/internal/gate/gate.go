package gate

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull reports that the gate has no slot left: as many requests are inside as it has permits and
// queue slots.
var ErrFull = errors.New("gate: full")

// ErrShare reports that the caller holds as many slots as it may, though the gate has more.
var ErrShare = errors.New("gate: the caller holds its share")

// recently is how long a caller that was refused counts as one that wants a slot.
const recently = 10 * time.Second

// Config sizes a gate.
type Config struct {
	Permits   int           // how many may work at once; at least 1
	Queue     int           // how many more may be inside; 0: none waits
	Timeout   time.Duration // how long one may wait for a permit; 0: for ever
	PerCaller int           // percent of the slots that one caller may hold while others want some; 0: all
}

// Priority says which work goes first.
type Priority int

// The priorities.
const (
	Interactive Priority = iota
	Batch
	priorities
)

// Length says how long work takes once it has its permit.
type Length int

// Short work takes about as long as any other; long work may take minutes.
const (
	Short Length = iota
	Long
	lengths
)

// Ticket describes a request.
type Ticket struct {
	Caller   string
	Priority Priority
	Length   Length
}

// Gate is safe for use by many goroutines.
type Gate struct {
	config Config

	mu      sync.Mutex
	reserve int // permits that long work leaves free
	inside  int // slots taken
	inUse   int // permits taken
	long    int // of inUse, by long work
	callers map[string]*caller
	queue   queue

	refusals [2]refusal // the last one, and the last one of another caller
}

// caller is what one caller holds. It exists as long as it holds a slot.
type caller struct {
	inside, inUse int
	lines         [priorities][lengths]*line // of its waiters; nil where it has none
}

type refusal struct {
	caller string
	at     time.Time
}

// New returns an open gate.
func New(c Config) *Gate {
	return &Gate{config: c, callers: map[string]*caller{}}
}

// Reserve makes long work leave so many permits to short work, if there is more than one. Call it
// before the first Enter.
func (g *Gate) Reserve(permits int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reserve = min(permits, g.config.Permits-1)
}

// State is what a gate looks like at one moment.
type State struct {
	Permits int // in all
	InUse   int // held
	Waiting int // in the queue
	Inside  int // slots taken: by requests that prepare, wait or work
	Callers int // that hold a slot
}

// State reports the gate's numbers, taken together.
func (g *Gate) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return State{Permits: g.config.Permits, InUse: g.inUse, Waiting: g.queue.waiting, Inside: g.inside, Callers: len(g.callers)}
}

// Slot is a right to be inside the gate. It belongs to one request.
type Slot struct {
	gate   *Gate
	ticket Ticket
	caller *caller
	left   atomic.Bool
}

// Check returns the error of Enter if it would fail now, and takes nothing.
func (g *Gate) Check(t Ticket) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refuse(t.Caller)
}

// Enter takes a slot, or returns ErrFull or ErrShare at once.
func (g *Gate) Enter(t Ticket) (*Slot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.refuse(t.Caller); err != nil {
		return nil, err
	}
	c := g.callers[t.Caller]
	if c == nil {
		c = &caller{}
		g.callers[t.Caller] = c
	}
	c.inside++
	g.inside++
	return &Slot{gate: g, ticket: t, caller: c}, nil
}

// refuse returns why a caller gets no slot now, and notes that it wants one; nil if it gets one.
// The caller holds g.mu.
func (g *Gate) refuse(name string) error {
	var err error
	switch own := g.callers[name]; {
	case g.inside >= g.slots():
		err = ErrFull
	case own != nil && (own.inside >= g.most(name) || g.inside >= g.slots()-g.kept()):
		err = ErrShare
	default:
		return nil
	}
	if g.refusals[0].caller != name {
		g.refusals[1] = g.refusals[0]
	}
	g.refusals[0] = refusal{name, time.Now()}
	return err
}

// slots returns how many slots there are.
func (g *Gate) slots() int { return g.config.Permits + g.config.Queue }

// kept returns how many slots are for callers that hold none: else a few callers that stay within
// their shares would together keep the next one out.
func (g *Gate) kept() int {
	if g.config.PerCaller == 0 || g.config.PerCaller >= 100 {
		return 0
	}
	return g.slots() / 10
}

// share returns how much of n one caller may hold while others want some.
func (g *Gate) share(n int) int {
	if g.config.PerCaller == 0 {
		return n
	}
	return max(1, (n*g.config.PerCaller+99)/100)
}

// most returns how many slots a caller may hold now. The caller holds g.mu.
func (g *Gate) most(name string) int {
	share := g.share(g.slots())
	if g.othersWant(name) {
		return share
	}
	return max(share, g.slots()-g.slots()/10)
}

// othersWant reports whether a caller other than this one holds or wants a slot. The caller holds
// g.mu.
func (g *Gate) othersWant(name string) bool {
	others := len(g.callers)
	if g.callers[name] != nil {
		others--
	}
	return others > 0 || g.refusedOther(name)
}

// refusedOther reports whether another caller was refused recently. The caller holds g.mu.
func (g *Gate) refusedOther(name string) bool {
	for _, r := range g.refusals {
		if !r.at.IsZero() && r.caller != name && time.Since(r.at) < recently {
			return true
		}
	}
	return false
}

// Exceeding returns the callers that hold more than their share, of the slots or of the permits,
// while another caller waits for a permit or was refused a slot recently.
func (g *Gate) Exceeding() (names []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	slots, permits := g.share(g.slots()), g.share(g.config.Permits)
	for name, own := range g.callers {
		if (own.inside > slots || own.inUse > permits) && (g.queue.waiting > own.waiting() || g.refusedOther(name)) {
			names = append(names, name)
		}
	}
	return names
}

// Leave gives the slot back. Only the first call counts.
func (s *Slot) Leave() {
	if s.left.Swap(true) {
		return
	}
	g := s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	s.caller.inside--
	if s.caller.inside == 0 {
		delete(g.callers, s.ticket.Caller)
	}
}

// Permit is the right to work. It belongs to one piece of work.
type Permit struct {
	slot     *Slot
	released atomic.Bool
}

// Release gives the permit to the next waiter. Only the first call counts.
func (p *Permit) Release() {
	if p.released.Swap(true) {
		return
	}
	g := p.slot.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.take(p.slot, -1)
	g.grant()
}

// take counts n permits more as held for a slot. The caller holds g.mu.
func (g *Gate) take(s *Slot, n int) {
	g.inUse += n
	s.caller.inUse += n
	if s.ticket.Length == Long {
		g.long += n
	}
}

// grant gives free permits to those whose turn it is. The caller holds g.mu.
func (g *Gate) grant() {
	for g.inUse < g.config.Permits {
		w := g.queue.next(g.long < g.config.Permits-g.reserve)
		if w == nil {
			return
		}
		g.take(w.slot, 1)
		close(w.granted)
	}
}
