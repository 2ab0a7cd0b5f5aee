package clip

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/clip/internal/limit"
	"penstock/engine"
	"penstock/stream"
)

// runs counts the runs of all models but the one that holds the permit.
type runs struct{ n atomic.Int64 }

func (r *runs) Gate(string) engine.GateObserver { return r }
func (r *runs) Model(name string) engine.ModelObserver {
	if name == permitHolder {
		return new(runs)
	}
	return r
}

func (r *runs) PhaseDone(p engine.Phase, _ time.Duration) {
	if p == engine.PhasePredict {
		r.n.Add(1)
	}
}
func (*runs) Waited(time.Duration)                             {}
func (*runs) Rejected(engine.Rejection)                        {}
func (*runs) Changed(engine.State, error)                      {}
func (*runs) StreamClosed(stream.Outcome, engine.Usage, error) {}
func (*runs) Chunks(int, bool, time.Duration)                  {}
func (*runs) Resumed()                                         {}

// permitHolder is the name of the model that holds the permit.
const permitHolder = "permit holder"

// held is a model behind a gate of one permit, which another model holds.
type held struct {
	loaded
	runs
	openGate func() // releases the permit, and returns once that is done
}

// hold loads a model with that batch size, inside a bubble of synctest, and takes the only permit.
func hold(t *testing.T, batch int) *held {
	t.Helper()
	o := tiny(t)
	o.Batch = batch
	return holdModel(t, o)
}

func holdModel(t *testing.T, o Options) *held {
	t.Helper()
	h := new(held)
	h.engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1, Queue: 100}, Observer: h})
	release := make(chan struct{})
	pass := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	other := engine.Predicts(h.engine.Add(permitHolder, engine.Lifecycle{}), "predict", engine.Predictor[struct{}, struct{}, struct{}, struct{}]{
		Preprocess:  pass,
		Predict:     func(context.Context, struct{}) (struct{}, error) { <-release; return struct{}{}, nil },
		Postprocess: pass,
	})
	h.model = New(o)
	h.predict = h.model.Register(h.engine)
	<-h.engine.Load(t.Context())
	if s := h.engine.Snapshot().Models[1]; s.State != engine.StateReady {
		t.Fatalf("the model is %s: %s", s.State, s.Reason)
	}
	var held sync.WaitGroup
	held.Go(func() {
		if _, err := do(t.Context(), other, struct{}{}); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	h.openGate = func() {
		close(release)
		held.Wait()
	}
	return h
}

// close ends the model, which must have released all limits.
func (h *held) close(t *testing.T) {
	t.Helper()
	synctest.Wait()
	wantAllReleased(t, h.model)
	if err := h.engine.Close(); err != nil {
		t.Error(err)
	}
}

// Predicts that wait at the gate are one run, in which each keeps its own pictures and labels, and
// gets the result it would have got alone. A request that is canceled while it waits is not in it.
func TestWaitingPredictsAreOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 5)
		cat, rocket, coffee := Picture{Data: photo(t, "cat_chelsea.jpg")}, Picture{Data: photo(t, "rocket.jpg")}, Picture{Data: photo(t, "coffee.jpg")}
		requests := []Request{
			{Pictures: []Picture{cat}},
			{Pictures: []Picture{rocket, cat, coffee}, Labels: []string{"a rocket", "a cat", "a cup"}},
			{Pictures: []Picture{coffee}, Labels: []string{"a cup", "a plate"}, Template: "a photo of {}", TopK: 1},
			{Pictures: []Picture{rocket}},
			{Pictures: []Picture{rocket}}, // is canceled
			{Pictures: []Picture{coffee, rocket}},
		}
		canceled, cancel := context.WithCancel(t.Context())
		results := make([]Result, len(requests))
		var wait sync.WaitGroup
		for i, r := range requests {
			wait.Go(func() {
				ctx := t.Context()
				if i == 4 {
					ctx = canceled
				}
				var err error
				if results[i], err = do(ctx, h.predict, r); (err != nil) != (i == 4) {
					t.Errorf("request %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != 1 {
			t.Errorf("there were %d runs", n)
		}
		for i, r := range requests {
			if i == 4 {
				continue
			}
			alone, err := do(t.Context(), h.predict, r)
			if err != nil {
				t.Fatal(err)
			}
			if len(results[i].Logits) != len(r.Pictures) || results[i].Labels[0] != alone.Labels[0] {
				t.Fatalf("request %d: %+v", i, results[i])
			}
			for j := range alone.Probabilities {
				if !near(results[i].Probabilities[j], alone.Probabilities[j]) {
					t.Errorf("request %d, picture %d: %v, alone %v", i, j, results[i].Probabilities[j], alone.Probabilities[j])
				}
			}
		}
		h.close(t)
	})
}

// A run joins no more requests than the batch size, and a call of the graph gets no more pictures
// than its maximum, whichever requests they are from.
func TestBatchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 2)
		many := make([]Picture, maxPictures)
		for i := range many {
			many[i].Data = photo(t, []string{"cat_chelsea.jpg", "coffee.jpg", "rocket.jpg"}[i%3])
		}
		var wait sync.WaitGroup
		results := make([]Result, 4)
		for i := range results {
			wait.Go(func() {
				var err error
				if results[i], err = do(t.Context(), h.predict, Request{Pictures: many[i:]}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != 2 {
			t.Errorf("there were %d runs", n)
		}
		for i, r := range results {
			if len(r.Logits) != maxPictures-i {
				t.Fatalf("request %d has %d rows", i, len(r.Logits))
			}
			for j, row := range r.Probabilities {
				if !near(row, results[0].Probabilities[(i+j)%3]) {
					t.Errorf("request %d, row %d: %v", i, j, row)
				}
			}
		}
		h.close(t)
	})
}

// Whatever a request waits for when it is canceled, the others get their results and all limits are
// released.
func TestCanceledRequestsDoNotDisturbOthers(t *testing.T) {
	o := tiny(t)
	o.Batch = 4
	l := load(t, o)
	cat := Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}}}
	want, err := do(t.Context(), l.predict, cat)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			for range 4 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%2 == 0 {
					go cancel()
				}
				got, err := do(ctx, l.predict, cat)
				switch {
				case err == nil && !near(got.Probabilities[0], want.Probabilities[0]):
					t.Errorf("got %v", got)
				case err != nil && (i%2 == 1 || apierr.From(err).Code != apierr.CodeCanceled):
					t.Errorf("error %v", err)
				}
				cancel()
			}
		})
	}
	wait.Wait()
	// Buffers of canceled requests are released asynchronously: this waits for the last.
	all, err := new(limit.Holder).Acquire(t.Context(), l.model.buffers.brought, 1<<62)
	if err != nil {
		t.Fatalf("memory of pictures was not released: %v", err)
	}
	all.Release()
	wantAllReleased(t, l.model)
}

// A host that does not respond holds up requests for its pictures, but none that bring their own,
// however little memory there is.
func TestASlowHostDoesNotHoldUpBroughtPictures(t *testing.T) {
	requested, respond := make(chan struct{}, maxPictures), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requested <- struct{}{}
		<-respond
		http.ServeFile(w, r, filepath.Join("testdata", "odd", "rgb.jpg"))
	}))
	t.Cleanup(s.Close)
	o := tiny(t)
	o.Fetch.Allow = []string{"127.0.0.1"}
	o.Fetch.Timeout = time.Minute
	o.DecodeMemory = 4 * 50 * 3 * 32 * 32 // 50 pictures may wait
	l := load(t, o)
	slow := Request{Pictures: slices.Repeat([]Picture{{URL: s.URL}}, maxPictures)}
	brought := Request{Pictures: slices.Repeat([]Picture{{Data: readFile(t, filepath.Join("testdata", "odd", "rgb.jpg"))}}, maxPictures)}
	done := make(chan error)
	go func() { _, err := do(t.Context(), l.predict, slow); done <- err }()
	<-requested
	if _, err := do(t.Context(), l.predict, brought); err != nil {
		t.Error(err)
	}
	close(respond)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
