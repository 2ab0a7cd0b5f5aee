package limit

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/memory"
)

// A caller with many requests delays its own, not those of another caller by more than one each.
func TestCallersHaveTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("cores", 1, 1)
		budget := memory.New(1 << 20)
		first := acquire(t, new(Holder), l, 1)
		var order []string // guarded by the limit: one is served at a time
		var all sync.WaitGroup
		for _, caller := range []string{"greedy", "greedy", "greedy", "good", "good"} {
			ctx := memory.With(t.Context(), budget.Account(caller))
			all.Go(func() {
				hold, err := new(Holder).Acquire(ctx, l, 1)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, caller)
				hold.Release()
			})
			synctest.Wait()
		}
		first.Release()
		all.Wait()
		if want := []string{"greedy", "good", "greedy", "good", "greedy"}; !slices.Equal(order, want) {
			t.Errorf("the order is %v, not %v", order, want)
		}
		if s := l.Snapshot(); s.InUse != 0 || s.Waiting != 0 || len(l.lines) != 0 {
			t.Errorf("left: %+v", s)
		}
	})
}

// Little work does not wait for the turns of callers with much, and those have theirs in the end.
func TestLittleWorkGoesBeforeMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("cores", 1, 1)
		budget := memory.New(1 << 20)
		first := acquire(t, new(Holder), l, 1)
		var order []string // guarded by the limit: one is served at a time
		var all sync.WaitGroup
		wait := func(caller string, work int64) {
			ctx := memory.With(t.Context(), budget.Account(caller))
			all.Go(func() {
				hold, err := new(Holder).AcquireFor(ctx, l, 1, work)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, caller)
				hold.Release()
			})
			synctest.Wait()
		}
		wait("large", 100)
		wait("huge", 1000)
		for range 400 {
			wait("small", 1)
		}
		first.Release()
		all.Wait()
		if order[0] != "small" {
			t.Errorf("%q went first", order[0])
		}
		large, huge := slices.Index(order, "large"), slices.Index(order, "huge")
		if large < 50 || large > 200 || huge != len(order)-1 {
			t.Errorf("after %d others the large one had its turn, after %d the huge one", large, huge)
		}
	})
}

// Callers that come anew, each with little work, do not keep one with much from its turn.
func TestMuchWorkHasItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("cores", 1, 1)
		budget := memory.New(1 << 20)
		hold := acquire(t, new(Holder), l, 1)
		var all sync.WaitGroup
		served := false
		all.Go(func() {
			mine, err := new(Holder).AcquireFor(memory.With(t.Context(), budget.Account("much")), l, 1, 100)
			if err != nil {
				t.Error(err)
				return
			}
			served = true
			mine.Release()
		})
		synctest.Wait()
		turns := 0
		for ; !served && turns < 1000; turns++ {
			next := make(chan *Hold)
			ctx := memory.With(t.Context(), budget.Account(strconv.Itoa(turns)))
			all.Go(func() {
				mine, err := new(Holder).AcquireFor(ctx, l, 1, 1)
				if err != nil {
					t.Error(err)
				}
				next <- mine
			})
			synctest.Wait()
			hold.Release()
			hold = <-next
		}
		hold.Release()
		all.Wait()
		if turns > 250 {
			t.Errorf("it had to wait for %d others", turns)
		}
	})
}
