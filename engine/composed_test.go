package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/engine"
)

// sums adds a verb whose result is the sum of doubled numbers, each of them a run of predict.
func sums(e *engine.Engine, p engine.Predictor[int, int, int, int]) (double *engine.Prediction[int, int], sum *engine.Prediction[[]int, int]) {
	double = predictor(e, p)
	m, err := e.Model("doubler")
	if err != nil {
		panic(err)
	}
	sum = engine.Composes(m, "sum", double, func(ctx context.Context, in []int, run func(context.Context, int) (int, error)) (out int, err error) {
		for _, n := range in {
			if n < 0 {
				panic("negative")
			}
			n, err := run(ctx, n)
			if err != nil {
				return 0, err
			}
			out += n
		}
		return out, nil
	})
	return double, sum
}

func TestAComposedVerbIsMadeOfRunsOfAnother(t *testing.T) {
	e := newEngine(t, 1, 1)
	p := doubler()
	p.Predict = func(_ context.Context, n int) (int, error) {
		if g := e.Snapshot().Gates[0]; g.InUse != 1 || g.Inside != 1 {
			t.Errorf("a run has %+v", g)
		}
		if n == 13 {
			return 0, &apierr.Error{Code: apierr.CodeInvalidInput}
		}
		return 2 * n, nil
	}
	_, sum := sums(e, p)
	if got, err := do(t.Context(), sum, []int{1, 2, 3}); err != nil || got != 12 {
		t.Errorf("Do: %v, %v", got, err)
	}
	if _, err := do(t.Context(), sum, []int{1, 13, 3}); apierr.From(err).Code != apierr.CodeInvalidInput {
		t.Errorf("a run that fails: %v", err)
	}
	if _, err := do(t.Context(), sum, []int{1, -1}); apierr.From(err).Code != apierr.CodeInternal {
		t.Errorf("a panic: %v", err)
	}
	m, _ := e.Model("doubler")
	v, _ := m.Verb("sum")
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := call.Predict(t.Context(), engine.Input{Body: []byte("[20, 1]")})
	if err != nil || string(out.Body) != "42" || out.MediaType != "application/json" {
		t.Errorf("Predict: %s %q, %v", out.MediaType, out.Body, err)
	}
	call.Close()
	if g := e.Snapshot().Gates[0]; g.Inside != 0 {
		t.Errorf("left at the gate: %+v", g)
	}
}

// The runs of a composed verb wait for the permit one by one, and are joined with requests for the
// other verb.
func TestRunsOfAComposedVerbAreJoinedWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 9)
		var mu sync.Mutex
		var runs []int
		begin := make(chan struct{})
		p := doubler()
		p.Predict, p.BatchMax = nil, 10
		p.PredictBatch = func(_ context.Context, feeds []int) ([]int, error) {
			<-begin
			mu.Lock()
			defer mu.Unlock()
			runs = append(runs, len(feeds))
			out := make([]int, len(feeds))
			for i, n := range feeds {
				out[i] = 2 * n
			}
			return out, nil
		}
		double, sum := sums(e, p)
		var wait sync.WaitGroup
		wait.Go(func() {
			if got, err := do(t.Context(), double, 1); err != nil || got != 2 {
				t.Errorf("the first: %d, %v", got, err)
			}
		})
		synctest.Wait()
		for range 2 {
			wait.Go(func() {
				if got, err := do(t.Context(), sum, []int{3, 4}); err != nil || got != 14 {
					t.Errorf("a sum: %d, %v", got, err)
				}
			})
			wait.Go(func() {
				if got, err := do(t.Context(), double, 5); err != nil || got != 10 {
					t.Errorf("a number: %d, %v", got, err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		wait.Go(func() {
			if _, err := do(ctx, sum, []int{3, 4}); apierr.From(err).Code != apierr.CodeCanceled {
				t.Errorf("a sum that is canceled: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(begin)
		wait.Wait()
		joined := 0
		for _, n := range runs {
			joined += n
		}
		if len(runs) < 3 || len(runs) > 4 || runs[0] != 1 || runs[1] != 4 || joined != 7 {
			t.Errorf("the runs had %v members", runs)
		}
	})
}

func TestAVerbIsComposedOfOneOfItsModel(t *testing.T) {
	e := newEngine(t, 1, 0)
	double := predictor(e, doubler())
	defer func() {
		if recover() == nil {
			t.Error("a verb is composed of another model's")
		}
	}()
	engine.Composes(e.Add("other", engine.Lifecycle{}), "sum", double, func(context.Context, int, func(context.Context, int) (int, error)) (int, error) {
		return 0, errors.New("is not called")
	})
}
