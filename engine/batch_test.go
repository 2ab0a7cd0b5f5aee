package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
)

// batching returns a predictor whose runs wait for release and are noted, with the sizes of their
// batches.
func batching(release <-chan struct{}, limit int) (engine.Predictor[int, int, int, int], func() []int) {
	var mu sync.Mutex
	var sizes []int
	p := doubler()
	p.Predict = nil
	p.BatchMax = limit
	p.PredictBatch = func(ctx context.Context, feeds []int) ([]int, error) {
		mu.Lock()
		sizes = append(sizes, len(feeds))
		mu.Unlock()
		select {
		case <-release:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		out := make([]int, len(feeds))
		for i, n := range feeds {
			if n < 0 {
				panic("a negative one")
			}
			out[i] = 2 * n
		}
		return out, nil
	}
	return p, func() []int {
		mu.Lock()
		defer mu.Unlock()
		return append([]int(nil), sizes...)
	}
}

func TestWhoGetsAPermitTakesAlongWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 100)
		release := make(chan struct{})
		p, sizes := batching(release, 4)
		h := predictor(e, p)
		var all sync.WaitGroup
		for i := range 11 {
			all.Go(func() {
				if got, err := do(t.Context(), h, i); err != nil || got != 2*i {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
			synctest.Wait()
		}
		if got := fmt.Sprint(sizes()); got != "[1]" {
			t.Errorf("a request waits for others to join: %s", got)
		}
		close(release)
		all.Wait()
		if got := fmt.Sprint(sizes()); got != "[1 4 4 2]" {
			t.Errorf("batches of %s", got)
		}
	})
}

func TestARunGoesOnUntilAllItsMembersHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 100)
		release := make(chan struct{})
		p, sizes := batching(release, 3)
		h := predictor(e, p)
		results := make([]chan error, 4)
		leave := make([]context.CancelFunc, 4)
		for i := range 4 {
			ctx, cancel := context.WithCancel(t.Context())
			leave[i], results[i] = cancel, make(chan error, 1)
			go func() { _, err := do(ctx, h, i); results[i] <- err }()
			synctest.Wait()
		}
		release <- struct{}{} // the first, alone
		if err := <-results[0]; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		leave[1]() // the leader of the batch of three
		leave[3]()
		if err := <-results[3]; code(err) != apierr.CodeCanceled {
			t.Errorf("a member that left: %v", err)
		}
		synctest.Wait()
		release <- struct{}{}
		if err := <-results[2]; err != nil {
			t.Errorf("the member that stayed: %v", err)
		}
		if err := <-results[1]; code(err) != apierr.CodeCanceled {
			t.Errorf("the first member, which left: %v", err)
		}

		for i := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			leave[i] = cancel
			go func() { _, err := do(ctx, h, i); results[i] <- err }()
			synctest.Wait()
		}
		release <- struct{}{} // again the first, alone
		if err := <-results[0]; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		leave[1]()
		leave[2]()
		for i := range 2 {
			if err := <-results[i+1]; code(err) != apierr.CodeCanceled {
				t.Errorf("all left: %v", err)
			}
		}
		if got := fmt.Sprint(sizes()); got != "[1 3 1 2]" {
			t.Errorf("batches of %s", got)
		}
		for _, l := range leave {
			l()
		}
	})
}

func TestABatchThatFailsFailsForAllItsMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 100)
		release := make(chan struct{})
		p, _ := batching(release, 8)
		h := predictor(e, p)
		var failed atomic.Int32
		var all sync.WaitGroup
		for _, n := range []int{1, 2, -3, 4} {
			all.Go(func() {
				if _, err := do(t.Context(), h, n); code(err) == apierr.CodeInternal {
					failed.Add(1)
				}
			})
			synctest.Wait()
		}
		close(release)
		all.Wait()
		if failed.Load() != 3 {
			t.Errorf("%d failed, want the three of one batch", failed.Load())
		}
		if got, err := do(t.Context(), h, 5); err != nil || got != 10 {
			t.Errorf("afterwards: %d, %v", got, err)
		}
	})
}

// Requests arrive, leave and time out in random order; each that stays gets its own result.
func TestBatchesUnderStress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 2, 1000)
		p := doubler()
		p.Predict, p.BatchMax = nil, 5
		p.PredictBatch = func(ctx context.Context, feeds []int) ([]int, error) {
			select {
			case <-time.After(10 * time.Millisecond): // virtual
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			out := make([]int, len(feeds))
			for i, n := range feeds {
				out[i] = 2 * n
			}
			return out, nil
		}
		h := predictor(e, p)
		var all sync.WaitGroup
		var served atomic.Int32
		for i := range 500 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(3, uint64(i)))
				time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(200))*time.Millisecond)
				defer cancel()
				got, err := do(ctx, h, i)
				switch {
				case err == nil && got == 2*i:
					served.Add(1)
				case err == nil:
					t.Errorf("%d got another's result: %d", i, got)
				case code(err) != apierr.CodeCanceled || !errors.Is(err, context.DeadlineExceeded):
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		all.Wait()
		if served.Load() < 100 {
			t.Errorf("only %d were served", served.Load())
		}
	})
}

// Requests are not joined for a model that reports, once it is loaded, that each runs alone.
func TestRequestsThatRunAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 100)
		release := make(chan struct{})
		p, sizes := batching(release, 4)
		alone := false
		p.Alone = func() bool { return alone }
		h := predictor(e, p)
		alone = true // as it is loaded
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				if got, err := do(t.Context(), h, i); err != nil || got != 2*i {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
			synctest.Wait()
		}
		close(release)
		all.Wait()
		if got := fmt.Sprint(sizes()); got != "[1 1 1 1 1]" {
			t.Errorf("batches of %s", got)
		}
	})
}
