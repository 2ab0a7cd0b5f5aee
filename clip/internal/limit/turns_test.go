package limit

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/memory"
)

// turns are the callers of a limit of 1, in the order in which they are served.
type turns struct {
	t      *testing.T
	limit  *Limit
	budget *memory.Budget
	first  *Hold // makes all others wait
	order  []string
	all    sync.WaitGroup
}

func newTurns(t *testing.T) *turns {
	l := New("cores", 1, 1)
	return &turns{t: t, limit: l, budget: memory.New(1 << 20), first: acquire(t, new(Holder), l, 1)}
}

// wait lets a caller wait for its turn.
func (u *turns) wait(caller string, work int64) {
	ctx := memory.With(u.t.Context(), u.budget.Account(caller))
	u.all.Go(func() {
		hold, err := new(Holder).AcquireFor(ctx, u.limit, 1, work)
		if err != nil {
			u.t.Error(err)
			return
		}
		u.order = append(u.order, caller) // guarded by the limit: one is served at a time
		hold.Release()
	})
	synctest.Wait()
}

// serve returns the order, once all have been served.
func (u *turns) serve() []string {
	u.first.Release()
	u.all.Wait()
	return u.order
}

// A caller with many requests delays its own, not those of another caller by more than one each.
func TestCallersHaveTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newTurns(t)
		for _, caller := range []string{"greedy", "greedy", "greedy", "good", "good"} {
			u.wait(caller, 1)
		}
		if order, want := u.serve(), []string{"greedy", "good", "greedy", "good", "greedy"}; !slices.Equal(order, want) {
			t.Errorf("the order is %v, not %v", order, want)
		}
		if s := u.limit.Snapshot(); s.InUse != 0 || s.Waiting != 0 || len(u.limit.lines) != 0 {
			t.Errorf("left: %+v", s)
		}
	})
}

// Little work does not wait for the turns of callers with much, and those have theirs in the end.
func TestLittleWorkGoesBeforeMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newTurns(t)
		u.wait("large", 100)
		u.wait("huge", 1000)
		for range 400 {
			u.wait("small", 1)
		}
		order := u.serve()
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
