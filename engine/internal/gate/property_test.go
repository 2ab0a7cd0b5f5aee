package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Callers with all priorities and lengths come, wait, leave, are withdrawn and work in random
// order: no permit and no slot is lost or given twice, no caller holds more slots than it may, long
// work leaves its reserve, and whatever waits gets its permit within a bounded number of others.
func TestWhateverComesIsCountedAndServed(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { crowd(t, seed) }) })
	}
}

// longest is how many milliseconds work takes at most.
const longest = 30

func crowd(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	c := Config{Permits: 1 + r.IntN(4), Queue: 20 + r.IntN(40), PerCaller: 50}
	g := New(c)
	reserve := 0
	if r.IntN(2) == 0 {
		g.Reserve(1)
		reserve = min(1, c.Permits-1)
	}
	var (
		mu       sync.Mutex
		working  int
		long     int
		grants   int // permits given so far
		perName  = map[string]int{}
		finished = map[string]int{}
		wait     sync.WaitGroup
	)
	const callers = 5
	slots := c.Permits + c.Queue
	// bound is how many permits others may get before a waiter whose caller holds so many slots:
	// each caller has a turn for each of its own, and each turn is one of two lengths and, at the
	// worst, follows those of the other priority. Long work waits for long work to end besides,
	// which is when any amount of short work may pass.
	bound := func(t Ticket, own int) int {
		n := (own*callers + 1) * int(lengths) * batchEvery
		if t.Length == Long && reserve > 0 {
			n += own * callers * int(lengths) * longest * c.Permits
		}
		return n
	}

	one := func(r *rand.Rand, ticket Ticket) {
		defer wait.Done()
		time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond) // virtual
		mu.Lock()
		others := len(perName) > 1 || len(perName) == 1 && perName[ticket.Caller] == 0
		slot, err := g.Enter(ticket)
		if err == nil {
			perName[ticket.Caller]++
			most := slots - slots/10
			if others {
				most = (slots*c.PerCaller + 99) / 100
			}
			if n := perName[ticket.Caller]; n > most {
				t.Errorf("%s holds %d slots of %d", ticket.Caller, n, slots)
			}
		}
		mu.Unlock()
		if err != nil {
			return
		}
		leave := func() {
			mu.Lock()
			defer mu.Unlock()
			slot.Leave()
			slot.Leave()
			if perName[ticket.Caller]--; perName[ticket.Caller] == 0 {
				delete(perName, ticket.Caller)
			}
		}
		defer leave()
		ctx := t.Context()
		if r.IntN(3) == 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(200))*time.Millisecond)
			defer cancel()
		}
		mu.Lock()
		before, most := grants, bound(ticket, perName[ticket.Caller])
		w := slot.Join()
		mu.Unlock()
		if r.IntN(5) == 0 {
			delay := time.Duration(r.IntN(200)) * time.Millisecond
			wait.Go(func() {
				time.Sleep(delay)
				w.Withdraw()
			})
		}
		permit, err := w.Wait(ctx)
		if err != nil {
			if !errors.Is(err, ErrWithdrawn) && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if w.Position() != 0 || w.Waits() {
				t.Error("it has left and waits")
			}
			return
		}
		mu.Lock()
		grants++
		if grants-before > most {
			t.Errorf("%+v waited for %d others", ticket, grants-before)
		}
		working++
		finished[ticket.Caller]++
		if ticket.Length == Long {
			long++
		}
		if working > c.Permits || long > c.Permits-reserve {
			t.Errorf("%d work, %d of them long, with %d permits", working, long, c.Permits)
		}
		mu.Unlock()
		time.Sleep(time.Duration(1+r.IntN(longest)) * time.Millisecond)
		mu.Lock()
		working--
		if ticket.Length == Long {
			long--
		}
		permit.Release()
		permit.Release()
		mu.Unlock()
	}
	for i := range 600 {
		wait.Add(1)
		ticket := Ticket{Caller: string(rune('a' + r.IntN(callers))), Priority: Priority(r.IntN(int(priorities))), Length: Length(r.IntN(int(lengths)))}
		go one(rand.New(rand.NewPCG(seed, uint64(i)+2)), ticket)
	}
	wait.Wait()
	if s := g.State(); s != (State{Permits: c.Permits}) {
		t.Errorf("left behind: %+v", s)
	}
	if g.long != 0 || g.queue.waiting != 0 || len(g.Exceeding()) != 0 {
		t.Errorf("left behind: %d long, %d waiting, %v exceed", g.long, g.queue.waiting, g.Exceeding())
	}
	for p := range g.queue.rings {
		for l := range g.queue.rings[p] {
			if ring := &g.queue.rings[p][l]; ring.waiting != 0 || ring.lines.Len() != 0 {
				t.Errorf("left behind: %d waiters of %d callers", ring.waiting, ring.lines.Len())
			}
		}
	}
	if len(finished) != callers {
		t.Errorf("served: %v", finished)
	}
}
