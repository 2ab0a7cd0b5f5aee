package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
)

// doubler is a predictor whose steps a test can replace.
func doubler() engine.Predictor[int, int, int, int] {
	return engine.Predictor[int, int, int, int]{
		Preprocess:  func(_ context.Context, n int) (int, error) { return n, nil },
		Predict:     func(_ context.Context, n int) (int, error) { return 2 * n, nil },
		Postprocess: func(_ context.Context, n int) (int, error) { return n, nil },
	}
}

func predictor(e *engine.Engine, p engine.Predictor[int, int, int, int]) *engine.Prediction[int, int] {
	return engine.Predicts(e.Add("doubler", engine.Lifecycle{Kind: "test"}), "predict", p)
}

func TestBothKindsOfCallerGoThroughTheSameGate(t *testing.T) {
	e := newEngine(t, 1, 0)
	var predicts atomic.Int32
	p := doubler()
	p.Predict = func(_ context.Context, n int) (int, error) {
		if in := e.Snapshot().Gates[0].InUse; in != 1 {
			t.Errorf("predicting with %d permits in use", in)
		}
		predicts.Add(1)
		return 2 * n, nil
	}
	typed := predictor(e, p)
	if got, err := do(t.Context(), typed, 4); err != nil || got != 8 {
		t.Errorf("Do: %v, %v", got, err)
	}
	m, err := e.Model("doubler")
	if err != nil {
		t.Fatal(err)
	}
	v, _ := m.Verb("predict")
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	out, err := call.Predict(t.Context(), engine.Input{Body: []byte("21")})
	if err != nil || string(out.Body) != "42" || out.MediaType != "application/json" {
		t.Errorf("Predict: %s %q, %v", out.MediaType, out.Body, err)
	}
	if predicts.Load() != 2 {
		t.Errorf("%d predicts", predicts.Load())
	}
	if _, err := call.Start(t.Context(), engine.Input{}, finisher{}, engine.StreamOptions{}); code(err) != apierr.CodeNotAcceptable {
		t.Errorf("a stream of a predictor: %v", err)
	}
}

func TestTenPreprocessWhileFivePredict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 5, 100)
		release := make(chan struct{})
		var preprocessing, most, predicting atomic.Int32
		p := doubler()
		p.Preprocess = func(_ context.Context, n int) (int, error) {
			preprocessing.Add(1)
			<-release
			preprocessing.Add(-1)
			return n, nil
		}
		p.Predict = func(_ context.Context, n int) (int, error) {
			now := predicting.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			time.Sleep(time.Second) // virtual
			predicting.Add(-1)
			return n, nil
		}
		h := predictor(e, p)
		since := time.Now()
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if _, err := do(t.Context(), h, i); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if got := preprocessing.Load(); got != 10 {
			t.Errorf("%d preprocess at once, want 10", got)
		}
		close(release)
		synctest.Wait()
		if g := e.Snapshot().Gates[0]; g.InUse != 5 || g.Waiting != 5 || g.Inside != 10 {
			t.Errorf("at the gate: %+v", g)
		}
		wg.Wait()
		if got := most.Load(); got != 5 {
			t.Errorf("%d predicted at once, want 5", got)
		}
		if took := time.Since(since); took != 2*time.Second {
			t.Errorf("took %v, want two rounds of a second", took)
		}
	})
}

func TestASlowPostprocessHoldsNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		var slow atomic.Bool
		slow.Store(true)
		stuck := make(chan struct{})
		p := doubler()
		p.Postprocess = func(_ context.Context, n int) (int, error) {
			if slow.Swap(false) {
				<-stuck
			}
			return n, nil
		}
		h := predictor(e, p)
		done := make(chan error, 1)
		go func() { _, err := do(t.Context(), h, 1); done <- err }()
		synctest.Wait()
		if _, err := do(t.Context(), h, 2); err != nil {
			t.Errorf("behind a slow postprocess: %v", err)
		}
		close(stuck)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestPermitsComeBackHoweverAStepEnds(t *testing.T) {
	boom := errors.New("boom")
	steps := map[string]func(*engine.Predictor[int, int, int, int], func(context.Context, int) (int, error)){
		"preprocess": func(p *engine.Predictor[int, int, int, int], f func(context.Context, int) (int, error)) {
			p.Preprocess = f
		},
		"predict": func(p *engine.Predictor[int, int, int, int], f func(context.Context, int) (int, error)) {
			p.Predict = f
		},
		"postprocess": func(p *engine.Predictor[int, int, int, int], f func(context.Context, int) (int, error)) {
			p.Postprocess = f
		},
	}
	ends := map[string]struct {
		step func(context.Context, int) (int, error)
		want apierr.Code
	}{
		"error":       {func(context.Context, int) (int, error) { return 0, boom }, apierr.CodeInternal},
		"typed error": {func(context.Context, int) (int, error) { return 0, apierr.InvalidInput("r", "m") }, apierr.CodeInvalidInput},
		"panic":       {func(context.Context, int) (int, error) { panic("boom") }, apierr.CodeInternal},
		"cancel":      {func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, apierr.CodeCanceled},
	}
	for at, put := range steps {
		for how, end := range ends {
			t.Run(at+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine(t, 1, 0)
					p := doubler()
					broken := true
					put(&p, func(ctx context.Context, n int) (int, error) {
						if broken {
							return end.step(ctx, n)
						}
						return n, nil
					})
					h := predictor(e, p)
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(time.Second, cancel)
					_, err := do(ctx, h, 1)
					if code(err) != end.want {
						t.Errorf("got %v, want %s", err, end.want)
					}
					if how == "panic" && !strings.Contains(err.Error(), "predictor_test.go") {
						t.Errorf("the log does not see where it panicked: %v", err)
					}
					broken = false
					if _, err := do(t.Context(), h, 1); err != nil { // the one permit and the one place are free again
						t.Errorf("afterwards: %v", err)
					}
					cancel()
				})
			})
		}
	}
}

func TestAFullHouseAndALongWaitAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 1)
		stuck := make(chan struct{})
		p := doubler()
		p.Predict = func(_ context.Context, n int) (int, error) { <-stuck; return n, nil }
		h := predictor(e, p)
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := do(t.Context(), h, 1); first <- err }()
		synctest.Wait()
		go func() { _, err := do(t.Context(), h, 2); second <- err }()
		synctest.Wait()
		_, err := do(t.Context(), h, 3)
		if code(err) != apierr.CodeQueueFull || apierr.From(err).RetryAfter <= 0 {
			t.Errorf("a third: %v", err)
		}
		if err := <-second; code(err) != apierr.CodeQueueTimeout {
			t.Errorf("the second, after its time: %v", err)
		}
		close(stuck)
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
	})
}

func TestInputThatIsNotTheJSONWanted(t *testing.T) {
	type in struct {
		N int `json:"n"`
	}
	e := newEngine(t, 1, 0)
	m := e.Add("m", engine.Lifecycle{})
	engine.Predicts(m, "predict", engine.Predictor[in, in, in, json.RawMessage]{
		Preprocess:  func(_ context.Context, v in) (in, error) { return v, nil },
		Predict:     func(_ context.Context, v in) (in, error) { return v, nil },
		Postprocess: func(context.Context, in) (json.RawMessage, error) { return json.RawMessage("{"), nil },
	})
	v, _ := m.Verb("predict")
	for body, want := range map[string]apierr.Code{
		"":              apierr.CodeInvalidJSON,
		"{":             apierr.CodeInvalidJSON,
		`{"m":1}`:       apierr.CodeInvalidJSON,
		`{"n":1} {}`:    apierr.CodeInvalidJSON,
		`{"n":1}`:       apierr.CodeInternal, // its answer is no JSON: our fault
		`{"n":"three"}`: apierr.CodeInvalidJSON,
	} {
		call, err := v.Admit(engine.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := call.Predict(t.Context(), engine.Input{Body: []byte(body)}); code(err) != want {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
		call.Close()
		call.Close()
	}
}
