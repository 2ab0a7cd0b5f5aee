package limit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func acquire(t *testing.T, h *Holder, l *Limit, weight int64) *Hold {
	t.Helper()
	hold, err := h.Acquire(t.Context(), l, weight)
	if err != nil {
		t.Error(err)
	}
	return hold
}

// want compares the state of a limit that has a capacity of 10.
func want(t *testing.T, l *Limit, inUse int64, waiting int) {
	t.Helper()
	if got := l.Snapshot(); got != (Snapshot{"bytes", 1, 10, inUse, waiting}) {
		t.Errorf("%+v, not %d in use and %d waiting", got, inUse, waiting)
	}
}

// Waiters are served in the order they came, even where a later one would fit sooner.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("bytes", 1, 10)
		first := acquire(t, new(Holder), l, 8)
		finish := make(chan struct{})
		var wait sync.WaitGroup
		for _, weight := range []int64{5, 1, 10} {
			wait.Go(func() {
				hold := acquire(t, new(Holder), l, weight)
				<-finish
				hold.Release()
			})
			synctest.Wait()
		}
		want(t, l, 8, 3) // 1 would fit, and waits behind 5
		first.Release()
		first.Release() // does nothing
		synctest.Wait()
		want(t, l, 6, 1) // 10 waits for both
		finish <- struct{}{}
		synctest.Wait()
		if got := l.Snapshot(); got.Waiting != 1 {
			t.Errorf("%+v: the last did not wait for all of it", got)
		}
		finish <- struct{}{}
		synctest.Wait()
		want(t, l, 10, 0)
		close(finish)
		wait.Wait()
		want(t, l, 0, 0)
	})
}

// A waiter whose context ends leaves the queue at once, with the cause, and those behind it move
// up.
func TestCanceledWaitersLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("bytes", 1, 10)
		first := acquire(t, new(Holder), l, 8)
		cause := errors.New("the client disconnected")
		ctx, cancel := context.WithCancelCause(t.Context())
		large, small := new(Holder), new(Holder)
		failed, served := make(chan error, 1), make(chan *Hold, 1)
		go func() { _, err := large.Acquire(ctx, l, 5); failed <- err }()
		synctest.Wait()
		go func() { served <- acquire(t, small, l, 2) }()
		synctest.Wait()
		want(t, l, 8, 2)
		cancel(cause)
		synctest.Wait()
		if err := <-failed; !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
		want(t, l, 10, 0)
		(<-served).Release()
		first.Release()

		// A context that has ended acquires nothing, though all is free, and holds no rank.
		if _, err := large.Acquire(ctx, l, 1); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
		acquire(t, large, l, 1).Release()
		want(t, l, 0, 0)
	})
}

// A request for more than there is takes all there is, instead of waiting for ever.
func TestWeightsAreAtMostTheCapacity(t *testing.T) {
	l := New("bytes", 1, 10)
	hold := acquire(t, new(Holder), l, 1000)
	want(t, l, 10, 0)
	hold.Release()
	want(t, l, 0, 0)
	acquire(t, new(Holder), New("nothing", 1, 0), 5).Release()
}

func TestLimitsAreAcquiredInOrderOfRank(t *testing.T) {
	ctx := t.Context()
	low, middle, high := New("low", 1, 10), New("middle", 2, 10), New("high", 3, 10)
	hosts := NewPerKey("hosts", 2, 10)
	for name, c := range map[string]struct {
		acquire func(h *Holder)
		allowed bool
	}{
		"ascending":       {func(h *Holder) { acquire(t, h, low, 1); acquire(t, h, middle, 1); acquire(t, h, high, 1) }, true},
		"with a gap":      {func(h *Holder) { acquire(t, h, low, 1); acquire(t, h, high, 1) }, true},
		"descending":      {func(h *Holder) { acquire(t, h, high, 1); acquire(t, h, low, 1) }, false},
		"the same twice":  {func(h *Holder) { acquire(t, h, low, 1); acquire(t, h, low, 1) }, false},
		"two keys of one": {func(h *Holder) { h.AcquireKey(ctx, hosts, "a", 1); h.AcquireKey(ctx, hosts, "b", 1) }, false},
		"two of one rank": {func(h *Holder) { acquire(t, h, middle, 1); h.AcquireKey(ctx, hosts, "b", 1) }, false},
		"after a release": {func(h *Holder) { acquire(t, h, high, 1).Release(); acquire(t, h, low, 1) }, true},
		"the lower freed": {func(h *Holder) {
			l := acquire(t, h, low, 1)
			acquire(t, h, high, 1)
			l.Release()
			acquire(t, h, middle, 1)
		}, false},
		"the higher freed": {func(h *Holder) { acquire(t, h, low, 1); acquire(t, h, high, 1).Release(); acquire(t, h, middle, 1) }, true},
		"below a parent":   {func(h *Holder) { acquire(t, h, middle, 1); acquire(t, h.Child(), low, 1) }, false},
		"below its parent": {func(h *Holder) { acquire(t, h, middle, 1); acquire(t, h.Child().Child(), middle, 1) }, false},
		"beside a sibling": {func(h *Holder) {
			acquire(t, h, low, 1)
			acquire(t, h.Child(), high, 1)
			acquire(t, h.Child(), middle, 1)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				p := recover()
				if text, _ := p.(string); (p == nil) != c.allowed || p != nil && !strings.Contains(text, "rank") {
					t.Errorf("panic: %v", p)
				}
			}()
			c.acquire(new(Holder))
		})
	}
}

// Each key has the whole capacity, and a key that is not in use takes no memory.
func TestKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := NewPerKey("hosts", 2, 1)
		acquireKey := func(ctx context.Context, key string) (*Hold, error) {
			return new(Holder).AcquireKey(ctx, hosts, key, 1)
		}
		slow, err := acquireKey(t.Context(), "slow")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				if _, err := acquireKey(ctx, "slow"); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
			})
		}
		synctest.Wait()
		other, err := acquireKey(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.Snapshot(); got != (Snapshot{"hosts", 2, 1, 2, 3}) || hosts.Keys() != 2 {
			t.Errorf("%+v of %d keys", got, hosts.Keys())
		}
		other.Release()
		slow.Release()
		cancel()
		wait.Wait()
		if got := hosts.Snapshot(); got != (Snapshot{"hosts", 2, 1, 0, 0}) || hosts.Keys() != 0 {
			t.Errorf("%+v of %d keys", got, hosts.Keys())
		}
	})
}

// Requests with several goroutines, all of which acquire many limits, finish; some are canceled.
func TestNoDeadlock(t *testing.T) {
	const requests, goroutines = 50, 4
	lowest, highest := New("lowest", 1, 3), New("highest", 4, 2)
	keyed, middle := NewPerKey("keyed", 2, 1), New("middle", 3, 2)
	request := func(r *rand.Rand) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		h := new(Holder)
		whole, err := h.Acquire(ctx, lowest, 1+r.Int64N(4))
		if err != nil {
			return err
		}
		defer whole.Release()
		if r.IntN(4) == 0 {
			go cancel()
		}
		errs := make(chan error, goroutines)
		for range goroutines {
			child, key, weight := h.Child(), fmt.Sprint(r.IntN(3)), 1+r.Int64N(3)
			go func() { errs <- steps(ctx, child, keyed, key, weight, middle, highest) }()
		}
		for range goroutines {
			err = errors.Join(err, <-errs)
		}
		return err
	}
	var wait sync.WaitGroup
	for i := range requests {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		wait.Go(func() {
			if err := request(r); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, s := range []Snapshot{lowest.Snapshot(), keyed.Snapshot(), middle.Snapshot(), highest.Snapshot()} {
		if s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left: %+v", s)
		}
	}
	if keyed.Keys() != 0 {
		t.Errorf("%d keys are left", keyed.Keys())
	}
}

// steps holds the limit of a key and all others, and the others alone.
func steps(ctx context.Context, h *Holder, keyed *PerKey, key string, weight int64, others ...*Limit) error {
	one, err := h.AcquireKey(ctx, keyed, key, 1)
	if err != nil {
		return err
	}
	defer one.Release()
	for _, l := range others {
		hold, err := h.Acquire(ctx, l, weight)
		if err != nil {
			return err
		}
		defer hold.Release()
		one.Release()
	}
	return nil
}
