package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// seedVariable names a run of TestAgainstAModel to be repeated.
const seedVariable = "PENSTOCK_TEST_SEED"

// Random callers enter, wait, are withdrawn, disconnect, work and leave. After each step the gate
// is compared with a model of it, which has lists in the place of queues.
func TestAgainstAModel(t *testing.T) {
	seeds := make([]uint64, 100)
	for i := range seeds {
		seeds[i] = rand.Uint64()
	}
	if s := os.Getenv(seedVariable); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(seedVariable+"="+strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newModel(t, seed).run() })
		})
	}
}

// model is what should be true of a gate.
type model struct {
	*testing.T
	r        *rand.Rand
	gate     *Gate
	reserve  int
	slots    []*Slot // of requests that prepare
	waiting  []*queued
	working  []*worker
	inside   map[string]int
	refusals map[string]time.Time // the last one of each caller
}

// queued is a waiter with what it has waited for.
type queued struct {
	*Waiter
	ahead  int // of the same caller, priority and length, when it joined
	passed int // permits that went to others though it could have had them
}

type worker struct {
	slot   *Slot
	permit *Permit
}

func newModel(t *testing.T, seed uint64) *model {
	r := rand.New(rand.NewPCG(seed, 0))
	m := &model{T: t, r: r, inside: map[string]int{}, refusals: map[string]time.Time{}}
	m.gate = New(Config{Permits: 1 + r.IntN(5), Queue: r.IntN(40), PerCaller: []int{0, 1, 30, 50, 100}[r.IntN(5)]})
	m.reserve = r.IntN(2)
	m.gate.Reserve(m.reserve)
	m.reserve = min(m.reserve, m.gate.config.Permits-1)
	return m
}

// callers are the names of callers; refusals of two of them are remembered, so there are three.
const callers = "abc"

func (m *model) run() {
	for range 2000 {
		switch m.r.IntN(8) {
		case 0, 1, 2:
			m.enter()
		case 3, 4:
			m.join()
		case 5:
			m.leaveQueue()
		case 6:
			m.release()
		case 7:
			time.Sleep(time.Duration(m.r.IntN(4000)) * time.Millisecond)
		}
		m.check()
	}
	for len(m.slots) > 0 {
		m.join()
		m.check()
	}
	for len(m.working) > 0 { // all that wait get their permit
		m.release()
		m.check()
	}
	if s := m.gate.State(); s != (State{Permits: m.gate.config.Permits}) {
		m.Errorf("left behind: %+v", s)
	}
}

// enter enters as a random caller, by the rule of shares.
func (m *model) enter() {
	t := Ticket{Caller: string(callers[m.r.IntN(len(callers))]), Priority: Priority(m.r.IntN(8) / 7), Length: Length(m.r.IntN(2))}
	all, total, others := m.gate.config.Permits+m.gate.config.Queue, 0, false
	for name, n := range m.inside {
		total += n
		others = others || name != t.Caller && n > 0
	}
	for name, at := range m.refusals {
		others = others || name != t.Caller && time.Since(at) < recently
	}
	most, kept := all, 0
	if percent := m.gate.config.PerCaller; percent > 0 {
		most = max(1, (all*percent+99)/100)
		if !others {
			most = max(most, all-all/10)
		}
		if percent < 100 {
			kept = all / 10
		}
	}
	var want error
	switch {
	case total >= all:
		want = ErrFull
	case m.inside[t.Caller] >= most, m.inside[t.Caller] > 0 && total >= all-kept:
		want = ErrShare
	}
	s, err := m.gate.Enter(t)
	if !errors.Is(err, want) {
		m.Fatalf("%s enters with %d of %d slots, %d of its own: %v, want %v", t.Caller, total, all, m.inside[t.Caller], err, want)
	}
	if err != nil {
		m.refusals[t.Caller] = time.Now()
		return
	}
	m.inside[t.Caller]++
	m.slots = append(m.slots, s)
}

// join lets a request that prepares join the queue.
func (m *model) join() {
	if s, ok := pick(m.r, &m.slots); ok {
		ahead := 0
		for _, w := range m.waiting {
			if w.slot.ticket == s.ticket {
				ahead++
			}
		}
		long := m.long()
		m.waiting = append(m.waiting, &queued{Waiter: s.Join(), ahead: ahead})
		m.granted(long)
	}
}

// leaveQueue takes a random waiter out of the queue.
func (m *model) leaveQueue() {
	w, ok := pick(m.r, &m.waiting)
	if !ok {
		return
	}
	if m.r.IntN(2) == 0 {
		w.Withdraw()
	}
	gone, cancel := context.WithCancel(m.Context())
	cancel()
	if _, err := w.Wait(gone); err == nil {
		m.Fatal("a waiter that left has a permit")
	}
	m.left(w.slot)
}

// release ends the work of a random request.
func (m *model) release() {
	if w, ok := pick(m.r, &m.working); ok {
		long := m.long()
		w.permit.Release()
		w.permit.Release()
		m.granted(long)
		m.left(w.slot)
	}
}

func (m *model) left(s *Slot) {
	s.Leave()
	s.Leave()
	m.inside[s.ticket.Caller]--
}

// long returns how many permits long work holds.
func (m *model) long() (n int) {
	for _, w := range m.working {
		if w.slot.ticket.Length == Long {
			n++
		}
	}
	return n
}

// granted takes those from the queue that have got a permit, which is one at most. long is how many
// permits long work held before.
func (m *model) granted(long int) {
	long = min(long, m.long()) // of one that ended, it holds one less
	n := 0
	for i := 0; i < len(m.waiting); i++ {
		w := m.waiting[i]
		select {
		case <-w.granted:
		default:
			continue
		}
		p, err := w.Wait(m.Context())
		if err != nil {
			m.Fatal(err)
		}
		m.waiting = append(m.waiting[:i], m.waiting[i+1:]...)
		m.working = append(m.working, &worker{w.slot, p})
		i--
		n++
	}
	if n > 1 {
		m.Fatalf("%d permits were given at once", n)
	}
	if n == 0 {
		return
	}
	for _, w := range m.waiting {
		if w.slot.ticket.Length == Short || long < m.gate.config.Permits-m.reserve {
			w.passed++
		}
	}
}

// check compares the gate with the model.
func (m *model) check() {
	m.Helper()
	permits := m.gate.config.Permits
	total, present := 0, 0
	for _, n := range m.inside {
		total += n
		present += min(n, 1)
	}
	want := State{Permits: permits, InUse: len(m.working), Waiting: len(m.waiting), Inside: total, Callers: present}
	if got := m.gate.State(); got != want || got.InUse > permits {
		m.Fatalf("the gate has %+v, the model %+v", got, want)
	}
	long := m.long()
	if long > permits-m.reserve {
		m.Fatalf("long work holds %d of %d permits, of which %d are reserved", long, permits, m.reserve)
	}
	for _, w := range m.waiting {
		t := w.slot.ticket
		if len(m.working) < permits && (t.Length == Short || long < permits-m.reserve) {
			m.Fatalf("%+v waits though a permit is free for it", t)
		}
		// In its ring, each caller has a turn for each of its own; of two lengths, each has one.
		turns := 2 * (w.ahead + 1) * len(callers)
		if t.Priority == Batch {
			turns *= batchEvery
		} else {
			turns += turns/(batchEvery-1) + 1
		}
		if w.passed > turns {
			m.Fatalf("%+v joined behind %d of its own, and has waited for %d permits", t, w.ahead, w.passed)
		}
	}
}

// pick takes a random element out of a list, if it has one.
func pick[E any](r *rand.Rand, list *[]E) (e E, ok bool) {
	if len(*list) == 0 {
		return e, false
	}
	i := r.IntN(len(*list))
	e = (*list)[i]
	*list = append((*list)[:i], (*list)[i+1:]...)
	return e, true
}
