package limit

import (
	"slices"
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
