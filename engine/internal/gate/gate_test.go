package gate

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func enter(t *testing.T, g *Gate) *Slot {
	t.Helper()
	return enterAs(t, g, Ticket{})
}

func enterAs(t *testing.T, g *Gate, ticket Ticket) *Slot {
	t.Helper()
	p, err := g.Enter(ticket)
	if err != nil {
		t.Fatalf("Enter: %v", err)
	}
	return p
}

func TestPermitsOfOneCallerGoInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Permits: 1, Queue: 10})
		holder, err := enter(t, g).Join().Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 5 {
			w := enter(t, g).Join()
			if got := w.Position(); got != i+1 {
				t.Errorf("waiter %d has position %d", i, got)
			}
			wg.Go(func() {
				p, err := w.Wait(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				p.Release()
			})
		}
		synctest.Wait()
		holder.Release()
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
		if s := g.State(); s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left behind: %+v", s)
		}
	})
}

func TestTheSlotsAreBounded(t *testing.T) {
	g := New(Config{Permits: 2, Queue: 1})
	places := []*Slot{enter(t, g), enter(t, g), enter(t, g)}
	if _, err := g.Enter(Ticket{}); !errors.Is(err, ErrFull) {
		t.Fatalf("a fourth got %v", err)
	}
	places[1].Leave()
	places[1].Leave() // the second time counts for nothing
	enter(t, g)
	if _, err := g.Enter(Ticket{}); !errors.Is(err, ErrFull) {
		t.Fatalf("after one left once, a second newcomer got %v", err)
	}
}

func TestWaitingTooLongIsToldApartFromLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Permits: 1, Queue: 10, Timeout: 30 * time.Second})
		holder, _ := enter(t, g).Join().Wait(t.Context())
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		leaver, patient := enter(t, g).Join(), enter(t, g).Join()
		results := make(chan error, 1)
		go func() { _, err := leaver.Wait(ctx); results <- err }()
		synctest.Wait()
		cancel(gone)
		if err := <-results; !errors.Is(err, gone) {
			t.Errorf("the one that left got %v", err)
		}
		if got := patient.Position(); got != 1 {
			t.Errorf("behind the one that left: position %d, want 1 at once", got)
		}
		since := time.Now()
		if _, err := patient.Wait(t.Context()); !errors.Is(err, ErrTimeout) {
			t.Errorf("the patient one got %v", err)
		}
		if waited := time.Since(since); waited != 30*time.Second {
			t.Errorf("after %v", waited)
		}
		holder.Release()
		holder.Release()
		if s := g.State(); s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left behind: %+v", s)
		}
	})
}

func TestAPermitThatComesAsTheWaiterLeavesIsNotLost(t *testing.T) {
	g := New(Config{Permits: 1, Queue: 10})
	w := enter(t, g).Join() // granted on the spot
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if s := g.State(); s.InUse != 0 {
		t.Fatalf("permit lost: %+v", s)
	}
}

// Many come, wait, leave and work in random order: never are more permits out than there are, and
// all come back.
func TestPermitsAreNeverLostNorDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const permits = 3
		g := New(Config{Permits: permits, Queue: 1000, Timeout: 50 * time.Millisecond})
		var wg sync.WaitGroup
		var mu sync.Mutex
		working, most := 0, 0
		for i := range 500 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(7, uint64(i)))
				place := enter(t, g)
				defer place.Leave()
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(100))*time.Millisecond)
				defer cancel()
				p, err := place.Join().Wait(ctx)
				if err != nil {
					return
				}
				defer p.Release()
				mu.Lock()
				working++
				most = max(most, working)
				mu.Unlock()
				time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond) // virtual
				mu.Lock()
				working--
				mu.Unlock()
			})
		}
		wg.Wait()
		if most != permits {
			t.Errorf("at most %d worked at once, want %d", most, permits)
		}
		if s := g.State(); s != (State{Permits: permits}) {
			t.Errorf("left behind: %+v", s)
		}
	})
}
