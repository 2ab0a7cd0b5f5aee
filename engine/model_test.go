package engine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// seedVariable names a run of TestAgainstAModel to be repeated.
const seedVariable = "PENSTOCK_TEST_SEED"

// Random clients, cancels, panics, slow readers and reconnections, in virtual time, hundreds of
// runs that are never the same twice; what every reader hears and every call returns is held
// against what should be (truth). A run that fails is repeated by its seed: PENSTOCK_TEST_SEED=… go
// test -run TestAgainstAModel ./engine
func TestAgainstAModel(t *testing.T) {
	var seeds []uint64
	if s := os.Getenv(seedVariable); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	} else {
		for range 200 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		t.Run(seedVariable+"="+strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runWorld(t, seed) })
		})
	}
}

// world is one run.
type world struct {
	rules
	t      *testing.T
	engine *engine.Engine
	logs   countedLogs

	mu      sync.Mutex
	streams map[string]*truth
	inside  int      // requests that have a slot
	running int      // requests that have a permit
	line    []string // requests that wait for one, in order
	drained bool
	closed  bool
}

func runWorld(t *testing.T, seed uint64) {
	source := rand.New(rand.NewPCG(seed, 0))
	w := &world{rules: newRules(source), t: t, streams: map[string]*truth{}}
	w.logs.Logs = stream.NewMemoryLogs(w.total, nil)
	w.engine = engine.New(engine.Options{
		Gate:    engine.GateConfig{Permits: w.permits, Queue: w.queue, Timeout: w.timeout},
		Streams: stream.Options{Limit: w.limit, Logs: &w.logs}, Observer: w,
	})
	var clients []func(*sync.WaitGroup)
	for i := range w.clients {
		name := strconv.Itoa(i)
		if source.IntN(5) == 0 {
			clients = append(clients, w.predicter(name, source))
		} else {
			clients = append(clients, w.generator(newScript(source, name, w.rules), seed))
		}
	}
	<-w.engine.Load(t.Context())
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { c(&all) })
	}
	if w.drain > 0 {
		time.Sleep(w.drain)
		w.goDown()
	}
	all.Wait()
	if w.drain == 0 {
		time.Sleep(upTo(source, 30*time.Second)) // leases run out, or not
		w.goDown()
	}
	s := w.engine.Snapshot()
	if g := s.Gates[0]; g.InUse != 0 || g.Waiting != 0 || g.Inside != 0 || s.Readers != 0 || w.inside != 0 || w.running != 0 {
		t.Errorf("left behind: %+v, %d readers; by the model %d inside, %d running", g, s.Readers, w.inside, w.running)
	}
	for _, m := range s.Models {
		if m.Streams != 0 {
			t.Errorf("%d streams of %s left open", m.Streams, m.Name)
		}
	}
	synctest.Wait() // a lease may run out in this moment
	if w.logs.kept != 0 {
		t.Errorf("%d logs were never dropped", w.logs.kept)
	}
	for _, st := range w.streams {
		if _, err := w.engine.Streams().Open(t.Context(), st.stream.ID()); code(err) != apierr.CodeNotFound {
			t.Errorf("stream %s is still known: %v", st.name, err)
		}
	}
} // and the bubble's end fails if a goroutine is left

// goDown drains and closes.
func (w *world) goDown() {
	w.mu.Lock()
	w.drained = true
	w.mu.Unlock()
	w.engine.Drain()
	ctx, cancel := context.WithTimeout(w.t.Context(), max(1, w.grace))
	defer cancel()
	err := w.engine.Wait(ctx)
	moment()
	w.mu.Lock()
	if (err == nil) != (w.inside == 0) && !w.bursty {
		w.t.Errorf("Wait said %v with %d inside", err, w.inside)
	}
	for _, s := range w.streams {
		s.stop(s.settle(), apierr.CodeDraining)
	}
	w.mu.Unlock()
	if err := w.engine.Close(); err != nil {
		w.t.Errorf("Close: %v", err)
	}
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
}

// enter returns the code that a new request should get, "" if it should be admitted.
func (w *world) enter(stream bool) apierr.Code {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := 0
	for _, s := range w.streams {
		if s.ended.IsZero() {
			open++
		}
	}
	switch {
	case w.drained:
		return apierr.CodeDraining
	case w.inside >= w.permits+w.queue, stream && w.limit > 0 && open >= w.limit:
		return apierr.CodeQueueFull
	}
	w.inside++
	return ""
}

// granted notes that a request has a permit, for which it must have been the next of its length:
// short and long work have turns, and all requests are one caller's.
func (w *world) granted(name string) {
	long := w.streams[name] != nil
	first := slices.IndexFunc(w.line, func(other string) bool {
		s := w.streams[other]
		if (s != nil) != long {
			return false
		}
		return other == name || s == nil || s.canceled.IsZero() // one that is canceled is about to leave the queue
	})
	if !w.bursty && (first < 0 || w.line[first] != name) {
		w.t.Errorf("%s has a permit before its turn: %v", name, w.line)
	}
	w.unline(name)
	if w.running++; w.running > w.permits {
		w.t.Errorf("%d run with %d permits", w.running, w.permits)
	}
}

func (w *world) unline(name string) {
	w.line = slices.DeleteFunc(w.line, func(other string) bool { return other == name })
}

// generator adds a model that writes what the script says, and returns its client.
func (w *world) generator(sc script, seed uint64) func(*sync.WaitGroup) {
	s := &truth{script: sc, world: w}
	m := w.engine.Add(sc.name, engine.Lifecycle{Kind: "test"})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams[sc.name] = s
	generation := engine.Generates(m, "stream", engine.Generator[struct{}, struct{}, sse.Event]{
		Preprocess: func(ctx context.Context, _ struct{}) (struct{}, error) { return struct{}{}, s.prepares(ctx) },
		Generate: func(ctx context.Context, _ struct{}, emit func(...sse.Event) error) (engine.End, error) {
			return s.generates(ctx, emit)
		},
	})
	delete(w.streams, sc.name) // until it starts
	return func(all *sync.WaitGroup) {
		time.Sleep(sc.arrives)
		want := w.enter(true)
		if want == "" {
			w.mu.Lock()
			w.streams[sc.name], s.alone = s, time.Now()
			w.mu.Unlock()
		}
		started, err := beginWith(w.t.Context(), generation, struct{}{}, encoder[sse.Event]{encode: s.encodes}, sc.options)
		if want != "" {
			if code(err) != want {
				w.t.Errorf("stream %s was let in with %v, not %s", sc.name, err, want)
			}
			return
		}
		if err != nil {
			w.t.Errorf("stream %s was not let in: %v", sc.name, err)
			return
		}
		s.stream = started
		if sc.cancel > 0 {
			all.Go(func() {
				time.Sleep(sc.cancel)
				w.mu.Lock()
				s.stop(s.settle(), apierr.CodeCanceled)
				w.mu.Unlock()
				cancel(started)
			})
		}
		for i, v := range sc.readers {
			hash := fnv.New64()
			fmt.Fprint(hash, sc.name, " ", i)
			r := rand.New(rand.NewPCG(seed, hash.Sum64()))
			all.Go(func() { s.reads(v, r) })
		}
	}
}

// predicter adds a model that takes its time to answer, and returns its client.
func (w *world) predicter(name string, r *rand.Rand) func(*sync.WaitGroup) {
	arrives, prepares, takes, leaves, panics := upTo(r, w.span), upTo(r, time.Second), upTo(r, 5*time.Second), upTo(r, 10*time.Second), r.IntN(4) == 0
	prediction := engine.Predicts(w.engine.Add(name, engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[struct{}, struct{}, struct{}, struct{}]{
		Preprocess: func(ctx context.Context, _ struct{}) (struct{}, error) {
			time.Sleep(prepares)
			w.mu.Lock()
			defer w.mu.Unlock()
			if ctx.Err() == nil {
				w.line = append(w.line, name)
			}
			return struct{}{}, ctx.Err()
		},
		Predict: func(context.Context, struct{}) (struct{}, error) {
			w.mu.Lock()
			w.granted(name)
			w.mu.Unlock()
			time.Sleep(takes)
			w.mu.Lock()
			w.running--
			w.mu.Unlock()
			if panics {
				panic("on purpose")
			}
			return struct{}{}, nil
		},
		Postprocess: func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil },
	})
	return func(*sync.WaitGroup) {
		time.Sleep(arrives)
		want := w.enter(false)
		ctx, cancel := context.WithTimeout(w.t.Context(), leaves)
		defer cancel()
		_, err := do(ctx, prediction, struct{}{})
		w.mu.Lock()
		defer w.mu.Unlock()
		if want != "" {
			if code(err) != want {
				w.t.Errorf("predict %s was let in with %v, not %s", name, err, want)
			}
			return
		}
		w.inside--
		w.unline(name)
		c := code(err)
		expected := err == nil || (c == apierr.CodeCanceled && ctx.Err() != nil) || (c == apierr.CodeInternal && panics) || (c == apierr.CodeQueueTimeout && w.timeout > 0)
		if !expected {
			w.t.Errorf("predict %s: %v", name, err)
		}
	}
}

// countedLogs counts the logs that have not been dropped.
type countedLogs struct {
	stream.Logs
	mu   sync.Mutex
	kept int
}

type countedLog struct {
	stream.Log
	logs *countedLogs
	once sync.Once
}

// Create implements stream.Logs.
func (c *countedLogs) Create(ctx context.Context, id string, lc stream.LogConfig, o stream.Owner) (stream.Log, error) {
	l, err := c.Logs.Create(ctx, id, lc, o)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept++
	return &countedLog{Log: l, logs: c}, nil
}

// Drop implements stream.Log.
func (l *countedLog) Drop(ctx context.Context) error {
	err := l.Log.Drop(ctx)
	l.once.Do(func() {
		l.logs.mu.Lock()
		defer l.logs.mu.Unlock()
		l.logs.kept--
	})
	return err
}

// errOnPurpose is a producer's own.
var errOnPurpose = errors.New("on purpose")
