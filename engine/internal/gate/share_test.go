package gate

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fill enters as often as a caller may, and returns its slots.
func fill(g *Gate, caller string) (slots []*Slot, err error) {
	for {
		s, err := g.Enter(Ticket{Caller: caller})
		if err != nil {
			return slots, err
		}
		slots = append(slots, s)
	}
}

func TestACallerAloneMayTakeAllButATenth(t *testing.T) {
	g := New(Config{Permits: 5, Queue: 100, PerCaller: 50})
	slots, err := fill(g, "a")
	if len(slots) != 95 || !errors.Is(err, ErrShare) {
		t.Errorf("%d slots, then %v", len(slots), err)
	}
	if s, err := g.Enter(Ticket{Caller: "b"}); err != nil {
		t.Errorf("another caller got %v", err)
	} else {
		s.Leave()
	}
}

func TestACallerHoldsItsShareWhileAnotherIsInside(t *testing.T) {
	g := New(Config{Permits: 5, Queue: 100, PerCaller: 50})
	first := enterAs(t, g, Ticket{Caller: "b"})
	slots, err := fill(g, "a")
	if len(slots) != 53 || !errors.Is(err, ErrShare) {
		t.Errorf("%d slots, then %v", len(slots), err)
	}
	first.Leave()
	if more, err := fill(g, "a"); len(more) != 42 || !errors.Is(err, ErrShare) {
		t.Errorf("alone again: %d slots more, then %v", len(more), err)
	}
}

// Callers that each stay within their share do not keep others out together.
func TestTheLastTenthIsForCallersWithoutASlot(t *testing.T) {
	g := New(Config{Permits: 5, Queue: 100, PerCaller: 50})
	held := 0
	for _, caller := range []string{"a", "b", "c", "d"} {
		slots, err := fill(g, caller)
		if held += len(slots); !errors.Is(err, ErrShare) {
			t.Errorf("%s: %d slots, then %v", caller, len(slots), err)
		}
	}
	if held != 98 { // 95, and one for each of the others
		t.Errorf("they hold %d", held)
	}
	if _, err := g.Enter(Ticket{Caller: "good"}); err != nil {
		t.Errorf("another caller got %v", err)
	}
}

// A caller that was refused wants a slot for a while, even if it does not ask again.
func TestARefusedCallerWantsASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Permits: 1, Queue: 3, PerCaller: 50})
		slots, _ := fill(g, "a")
		if len(slots) != 4 { // too few for a tenth to be kept
			t.Fatalf("%d slots", len(slots))
		}
		if _, err := g.Enter(Ticket{Caller: "b"}); !errors.Is(err, ErrFull) {
			t.Fatalf("got %v", err)
		}
		for _, s := range slots[:2] {
			s.Leave()
		}
		if _, err := g.Enter(Ticket{Caller: "a"}); !errors.Is(err, ErrShare) {
			t.Errorf("beyond its share: %v", err)
		}
		time.Sleep(recently)
		if _, err := g.Enter(Ticket{Caller: "a"}); err != nil {
			t.Errorf("once no other caller wants one: %v", err)
		}
	})
}

func TestWithoutSharesACallerMayTakeAll(t *testing.T) {
	g := New(Config{Permits: 5, Queue: 15})
	if slots, err := fill(g, "a"); len(slots) != 20 || !errors.Is(err, ErrFull) {
		t.Errorf("%d slots, then %v", len(slots), err)
	}
}

func TestACallerExceedsItsShareOnlyWhileAnotherWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Permits: 2, Queue: 20, PerCaller: 50})
		var permits []*Permit
		for range 2 {
			p, err := enterAs(t, g, Ticket{Caller: "a"}).Join().Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			permits = append(permits, p)
		}
		own := enterAs(t, g, Ticket{Caller: "a"}).Join()
		if got := g.Exceeding(); len(got) > 0 {
			t.Errorf("%v exceed their share though only one waits", got)
		}
		other := enterAs(t, g, Ticket{Caller: "b"}).Join()
		if got := g.Exceeding(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("%v exceed their share, not the one with both permits", got)
		}
		permits[0].Release() // a's turn is before b's, as it has waited longer
		if len(g.Exceeding()) != 1 || own.Position() != 0 {
			t.Error("a does not have its turn")
		}
		permits[1].Release()
		if len(g.Exceeding()) > 0 || other.Position() != 0 {
			t.Error("b does not have its turn")
		}
	})
}

// order returns the callers in the order in which they get the one permit, and checks that each
// waiter's position was right before each turn.
func order(t *testing.T, g *Gate, tickets []Ticket) (callers string) {
	t.Helper()
	holder, err := enterAs(t, g, Ticket{Caller: "holder"}).Join().Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[*Waiter]bool{}
	for _, ticket := range tickets {
		waiting[enterAs(t, g, ticket).Join()] = true
	}
	for len(waiting) > 0 {
		positions := map[int]*Waiter{}
		for w := range waiting {
			if other := positions[w.Position()]; other != nil {
				t.Errorf("%+v and %+v both have position %d", w.slot.ticket, other.slot.ticket, w.Position())
			}
			positions[w.Position()] = w
		}
		holder.Release()
		for w := range waiting {
			select {
			case <-w.granted:
				if positions[1] != w {
					t.Errorf("%+v gets the permit, and did not have position 1", w.slot.ticket)
				}
				callers += w.slot.ticket.Caller
				holder, _ = w.Wait(t.Context())
				delete(waiting, w)
			default:
			}
		}
	}
	holder.Release()
	return callers
}

func tickets(callers string, t Ticket) (list []Ticket) {
	for _, c := range callers {
		t.Caller = string(c)
		list = append(list, t)
	}
	return list
}

func TestCallersHaveTurns(t *testing.T) {
	g := New(Config{Permits: 1, Queue: 100})
	if got := order(t, g, tickets("aaaaabbcd", Ticket{})); got != "abcdabaaa" {
		t.Errorf("order %q", got)
	}
}

func TestBatchWorkGetsEveryEighthPermit(t *testing.T) {
	g := New(Config{Permits: 1, Queue: 100})
	list := append(tickets("bbb", Ticket{Priority: Batch}), tickets("iiiiiiiiiiiiiiiiiiii", Ticket{})...)
	if got := order(t, g, list); got != "iiiiiiibiiiiiiibiiiiiib" {
		t.Errorf("order %q", got)
	}
}

func TestShortAndLongWorkHaveTurns(t *testing.T) {
	g := New(Config{Permits: 1, Queue: 100})
	list := append(tickets("llll", Ticket{Length: Long}), tickets("ss", Ticket{})...)
	if got := order(t, g, list); got != "lslsll" {
		t.Errorf("order %q", got)
	}
}

func TestLongWorkLeavesTheReserve(t *testing.T) {
	g := New(Config{Permits: 3, Queue: 100})
	g.Reserve(1)
	var long []*Waiter
	for range 3 {
		long = append(long, enterAs(t, g, Ticket{Length: Long}).Join())
	}
	if s := g.State(); s.InUse != 2 || s.Waiting != 1 {
		t.Fatalf("%+v", s)
	}
	short := enterAs(t, g, Ticket{}).Join()
	if short.Position() != 0 {
		t.Fatal("short work waits behind long work")
	}
	permit, _ := short.Wait(t.Context())
	permit.Release()
	if long[2].Position() == 0 {
		t.Error("long work took the reserve")
	}
	first, _ := long[0].Wait(t.Context())
	first.Release()
	if long[2].Position() != 0 {
		t.Error("long work does not get a permit of its own part")
	}
}

func TestOnePermitHasNoReserve(t *testing.T) {
	g := New(Config{Permits: 1, Queue: 10})
	g.Reserve(1)
	if w := enterAs(t, g, Ticket{Length: Long}).Join(); w.Position() != 0 {
		t.Error("long work never runs")
	}
}

func BenchmarkPermit(b *testing.B) {
	g := New(Config{Permits: 5, Queue: 100, PerCaller: 50})
	for b.Loop() {
		s, err := g.Enter(Ticket{Caller: "a"})
		if err != nil {
			b.Fatal(err)
		}
		p, err := s.Join().Wait(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		p.Release()
		s.Leave()
	}
}
