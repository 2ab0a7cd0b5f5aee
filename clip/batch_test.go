package clip

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"penstock/apierr"
	"penstock/engine"
)

// runs counts the runs of all models but the one that holds the permit.
type runs struct{ n atomic.Int64 }

func (r *runs) Gate(string) engine.GateObserver { return r }
func (r *runs) Model(name string) engine.ModelObserver {
	if name == holder {
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
func (*runs) Rejected(apierr.Code)                             {}
func (*runs) Changed(engine.State, error)                      {}
func (*runs) StreamClosed(engine.Outcome, engine.Usage, error) {}
func (*runs) Chunks(int, bool, time.Duration)                  {}
func (*runs) Resumed()                                         {}

// holder is the model that holds the permit.
const holder = "holder"

// held is a model behind a gate of one permit, which somebody else has.
type held struct {
	loaded
	runs
	letGo func() // gives the permit back, and returns once that is done
}

// hold loads a model of that batch size, inside a bubble of synctest, and takes the only permit.
func hold(t *testing.T, batch int) *held {
	t.Helper()
	h := new(held)
	h.engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1, Queue: 100}, Observer: h})
	release := make(chan struct{})
	pass := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	other := engine.Predicts(h.engine.Add(holder, engine.Lifecycle{}), "predict", engine.Predictor[struct{}, struct{}, struct{}, struct{}]{
		Preprocess:  pass,
		Predict:     func(context.Context, struct{}) (struct{}, error) { <-release; return struct{}{}, nil },
		Postprocess: pass,
	})
	o := tiny(t)
	o.Batch = batch
	h.model = New(o)
	h.predict = h.model.Register(h.engine)
	<-h.engine.Load(t.Context())
	if s := h.engine.Snapshot().Models[1]; s.State != engine.StateReady {
		t.Fatalf("the model is %s: %s", s.State, s.Reason)
	}
	var held sync.WaitGroup
	held.Go(func() {
		if _, err := other.Do(t.Context(), struct{}{}); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	h.letGo = func() {
		close(release)
		held.Wait()
	}
	return h
}

// close ends the model, which must have all its memory back.
func (h *held) close(t *testing.T) {
	t.Helper()
	synctest.Wait()
	for _, room := range []*semaphore.Weighted{h.model.shelf.brought, h.model.shelf.fetched} {
		if !room.TryAcquire(h.model.shelf.half) {
			t.Error("memory of pictures was not given back")
		}
	}
	if err := h.engine.Close(); err != nil {
		t.Error(err)
	}
}

// Predicts that wait at the gate are one run, in which each keeps its own pictures and labels, and
// gets what it would have got alone. Who leaves the line is not in it.
func TestWaitingPredictsAreOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 5)
		cat, rocket, coffee := Picture{Data: photo(t, "cat_chelsea.jpg")}, Picture{Data: photo(t, "rocket.jpg")}, Picture{Data: photo(t, "coffee.jpg")}
		requests := []Request{
			{Pictures: []Picture{cat}},
			{Pictures: []Picture{rocket, cat, coffee}, Labels: []string{"a rocket", "a cat", "a cup"}},
			{Pictures: []Picture{coffee}, Labels: []string{"a cup", "a plate"}, Template: "a photo of {}", TopK: 1},
			{Pictures: []Picture{rocket}},
			{Pictures: []Picture{rocket}}, // leaves
			{Pictures: []Picture{coffee, rocket}},
		}
		leaving, leave := context.WithCancel(t.Context())
		results := make([]Result, len(requests))
		var wait sync.WaitGroup
		for i, r := range requests {
			wait.Go(func() {
				caller := t.Context()
				if i == 4 {
					caller = leaving
				}
				var err error
				if results[i], err = h.predict.Do(caller, r); (err != nil) != (i == 4) {
					t.Errorf("request %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		h.letGo()
		wait.Wait()
		if n := h.n.Load(); n != 1 {
			t.Errorf("there were %d runs", n)
		}
		for i, r := range requests {
			if i == 4 {
				continue
			}
			alone, err := h.predict.Do(t.Context(), r)
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

// No more requests than the batch has places are one run; and no more pictures than the graph is
// given at one time, whosever they are.
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
				if results[i], err = h.predict.Do(t.Context(), Request{Pictures: many[i:]}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		h.letGo()
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

// Wherever in its walk a request is when its caller leaves, the others get their answers and the
// memory comes back.
func TestCallersComeAndGo(t *testing.T) {
	o := tiny(t)
	o.Batch = 4
	l := load(t, o)
	cat := Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}}}
	want, err := l.predict.Do(t.Context(), cat)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			for range 4 {
				ctx, leave := context.WithCancel(t.Context())
				if i%2 == 0 {
					go leave()
				}
				got, err := l.predict.Do(ctx, cat)
				switch {
				case err == nil && !near(got.Probabilities[0], want.Probabilities[0]):
					t.Errorf("got %v", got)
				case err != nil && (i%2 == 1 || apierr.From(err).Code != apierr.CodeCanceled):
					t.Errorf("error %v", err)
				}
				leave()
			}
		})
	}
	wait.Wait()
	if err := l.model.shelf.brought.Acquire(t.Context(), l.model.shelf.half); err != nil {
		t.Errorf("memory of pictures was not given back: %v", err)
	}
	l.model.shelf.brought.Release(l.model.shelf.half)
}

// A host that does not answer holds up those who ask for its pictures, and nobody who brings his
// own, however little memory there is.
func TestSlowHostsHoldUpNobodyElse(t *testing.T) {
	asked, answer := make(chan struct{}, maxPictures), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-answer
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
	go func() { _, err := l.predict.Do(t.Context(), slow); done <- err }()
	<-asked
	if _, err := l.predict.Do(t.Context(), brought); err != nil {
		t.Error(err)
	}
	close(answer)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Pictures that wait take no more memory than is set aside for them: the next request waits before
// it decodes.
func TestWaitingPicturesAreBounded(t *testing.T) {
	s := newShelf(100, 500)
	two, err := s.take(t.Context(), 2, false)
	if err != nil || two.count() != 2 || len(two.picture(1)) != 100 {
		t.Fatalf("%+v, %v", two, err)
	}
	left := errors.New("left")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { _, err := s.take(ctx, 1, false); done <- err }()
	cancel(left)
	if err := <-done; !errors.Is(err, left) {
		t.Errorf("got %v", err)
	}
	go func() {
		one, err := s.take(t.Context(), 1000, false) // more than there is
		if err == nil && one.count() == 1000 {
			one.give()
		}
		done <- err
	}()
	ended, end := context.WithCancel(t.Context())
	two.keep(ended)
	end() // gives it back, as nobody has claimed it
	if err := <-done; err != nil {
		t.Error(err)
	}
	if two.claim() {
		t.Error("what was given back can be claimed")
	}
	one, err := s.take(t.Context(), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	ended, end = context.WithCancel(t.Context())
	one.keep(ended)
	if !one.claim() {
		t.Error("what is there cannot be claimed")
	}
	end() // gives nothing back, as somebody has claimed it
	if s.brought.TryAcquire(250) {
		t.Error("it was given back twice")
	}
	one.give()
	if !s.brought.TryAcquire(250) {
		t.Error("it was not given back")
	}
}
