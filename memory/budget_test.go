package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
)

const unit = step

// hold reserves units for a caller, without a wait.
func hold(t *testing.T, b *Budget, name string, units int64) *Reservation {
	t.Helper()
	r := b.Account(name).Reserve(Body)
	if !r.Try(units * unit) {
		t.Fatalf("%s: %d units are not free: %+v", name, units, b.Snapshot())
	}
	return r
}

func exhaustedAfter(t *testing.T, err error, since time.Time, want time.Duration) {
	t.Helper()
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Code != apierr.CodeMemoryExhausted || e.RetryAfter == 0 {
		t.Errorf("error %v", err)
	}
	if took := time.Since(since); took != want {
		t.Errorf("it took %v, not %v", took, want)
	}
}

func TestACallerAloneLeavesATenth(t *testing.T) {
	b := New(20 * unit)
	a := hold(t, b, "a", 18)
	if a.Try(unit) {
		t.Error("a caller has more than nine tenths")
	}
	hold(t, b, "b", 2).Close()
	a.Close()
	a.Close()
	if s := b.Snapshot(); s.Used != 0 || s.Callers != 0 || s.Kinds[Body] != 0 {
		t.Errorf("left: %+v", s)
	}
}

func TestNoCallerGrowsBeyondHalfWhileAnotherWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(20 * unit)
		first, second := hold(t, b, "a", 11), hold(t, b, "a", 3)
		got := make(chan error, 1)
		other := b.Account("b").Reserve(Picture)
		go func() { got <- other.Grow(t.Context(), 8*unit) }()
		synctest.Wait()
		if first.Try(unit) {
			t.Error("a caller that holds more than half grows while another waits")
		}
		second.Close()
		if err := <-got; err != nil {
			t.Error(err)
		}
		if s := b.Snapshot(); s.Kinds[Picture] != 8*unit || s.Kinds[Body] != 11*unit {
			t.Errorf("%+v", s)
		}
		if !first.Try(unit) {
			t.Error("no other waits any longer")
		}
		first.Close()
		other.Close()
	})
}

func TestOfThoseThatWaitTheCallerWithLeastComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(20 * unit)
		rich, full, poor := hold(t, b, "rich", 6), hold(t, b, "full", 10), hold(t, b, "poor", 1)
		order := make(chan string, 2)
		for _, name := range []string{"rich", "poor"} {
			go func() {
				r := b.Account(name).Reserve(Body)
				if err := r.Grow(t.Context(), 4*unit); err != nil {
					t.Error(err)
				}
				order <- name
				r.Close()
			}()
			synctest.Wait()
		}
		small := b.Account("poorest").Reserve(Body)
		if !small.Try(3 * unit) {
			t.Error("a caller that holds nothing waits behind those that hold much")
		}
		full.Shrink(4 * unit)
		synctest.Wait()
		if first := <-order; first != "poor" {
			t.Errorf("%s came first", first)
		}
		for _, r := range []*Reservation{rich, full, poor, small} {
			r.Close()
		}
		<-order
	})
}

func TestWhatDoesNotFitWaitsAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(20 * unit)
		one, two := hold(t, b, "a", 10), hold(t, b, "b", 10)
		since := time.Now()
		r := b.Account("c").Reserve(Body)
		exhaustedAfter(t, r.Grow(t.Context(), 1), since, MaxWait)
		since = time.Now()
		exhaustedAfter(t, r.Grow(t.Context(), 19*unit), since, 0) // it can never fit

		cause := errors.New("the client disconnected")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := r.Grow(ctx, 1); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
		r.Close()
		one.Close()
		two.Close()
		if s := b.Snapshot(); s.Used != 0 || s.Callers != 0 || s.Waiting != 0 || s.Refused != 3 {
			t.Errorf("left: %+v", s)
		}
	})
}

// Requests that each hold some and wait for more, so that none can go on, all end.
func TestNoDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(20 * unit)
		since := time.Now()
		var wait sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for i := range 20 {
			r := hold(t, b, fmt.Sprint(i), 1)
			wait.Go(func() {
				defer r.Close()
				if r.Grow(t.Context(), unit) == nil {
					mu.Lock()
					done++
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		if took := time.Since(since); took > MaxWait {
			t.Errorf("it took %v", took)
		}
		if s := b.Snapshot(); s.Used != 0 || s.Callers != 0 || s.Waiting != 0 {
			t.Errorf("left: %+v", s)
		}
	})
}

func TestOneCallerCannotFillTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(20 * unit)
		a, c := hold(t, b, "a", 10), hold(t, b, "c", 10)
		ctx, cancel := context.WithCancel(t.Context())
		for range maxWaiters {
			go func() { _ = b.Account("a").Reserve(Body).Grow(ctx, unit) }()
		}
		synctest.Wait()
		if s := b.Snapshot(); s.Waiting != maxWaiters/2 {
			t.Errorf("%d wait", s.Waiting)
		}
		got := make(chan error, 1)
		r := b.Account("b").Reserve(Body)
		go func() { got <- r.Grow(t.Context(), unit) }()
		synctest.Wait()
		c.Close()
		if err := <-got; err != nil {
			t.Error(err)
		}
		cancel()
		synctest.Wait()
		a.Close()
		r.Close()
	})
}

func TestSmallStepsTakeNoLock(t *testing.T) {
	b := New(20 * unit)
	r := b.Account("a").Reserve(Body)
	if err := r.Grow(t.Context(), firstStep+1); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock() // a step that needs it would never return
	for range unit - firstStep - 1 {
		if err := r.Grow(t.Context(), 1); err != nil {
			t.Error(err)
		}
	}
	b.mu.Unlock()
	r.Close()
}

func TestNoBudget(t *testing.T) {
	for _, a := range []Account{{}, From(t.Context()), (*Budget)(nil).Account("a")} {
		r := a.Reserve(Body)
		if err := r.Grow(t.Context(), 1<<40); err != nil || !r.Try(1<<40) {
			t.Error("an account without a budget refuses", err)
		}
		r.Close()
	}
	b := New(unit)
	if From(With(t.Context(), b.Account("a"))).budget != b {
		t.Error("the context carries another account")
	}
}

func TestCachesHoldAQuarterAtMost(t *testing.T) {
	b := New(20 * unit)
	a := b.Account("a")
	kept, ok := a.Keep(5 * unit)
	if _, more := a.Keep(1); !ok || more || b.Snapshot().Kinds[Cache] != 5*unit {
		t.Errorf("%v, then %v: %+v", ok, more, b.Snapshot())
	}
	hold(t, b, "a", 15).Close() // what is kept is not the caller's
	kept.Close()
	if s := b.Snapshot(); s.Used != 0 || s.Callers != 0 {
		t.Errorf("left: %+v", s)
	}
	if _, ok := (Account{}).Keep(1 << 40); !ok {
		t.Error("an account without a budget refuses")
	}
}

// A reservation that grows in many steps waits no longer than one that grows at once.
func TestTheWaitsOfAReservationAreSummed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(10 << 20)
		held := b.Account("a").Reserve(Body)
		if err := held.Grow(t.Context(), 9<<20); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(MaxWait*3/4, func() { held.Shrink(1 << 20) })
		began := time.Now()
		r := b.Account("a").Reserve(Body)
		if err := r.Grow(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		if err := r.Grow(t.Context(), 1<<20); err == nil || time.Since(began) != MaxWait {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		r.Close()
		held.Close()
	})
}

// While the process has no memory, reservations that are not small wait, whatever is free.
func TestReservationsWaitWhileTheProcessHasNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(64 << 20)
		var pressed atomic.Bool
		pressed.Store(true)
		b.Watch(pressed.Load)
		small, large := b.Account("a").Reserve(Body), b.Account("a").Reserve(Body)
		if err := small.Grow(t.Context(), 1000); err != nil {
			t.Errorf("a small one: %v", err)
		}
		if large.Try(1 << 20) {
			t.Error("a large one is granted")
		}
		began := time.Now()
		if err := large.Grow(t.Context(), 1<<20); apierr.From(err).Code != apierr.CodeMemoryExhausted || time.Since(began) != MaxWait {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.AfterFunc(time.Second, func() { pressed.Store(false) })
		began = time.Now()
		if err := large.Grow(t.Context(), 1<<20); err != nil || time.Since(began) > 1100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		small.Close()
		large.Close()
		if used := b.Snapshot().Used; used != 0 {
			t.Errorf("%d bytes are still reserved", used)
		}
	})
}
