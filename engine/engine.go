package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
	"penstock/stream"
)

// GateConfig sizes a gate.
type GateConfig struct {
	Permits int           // how many predicts or generations run at once; at least 1
	Queue   int           // how many more requests may be inside; one more is refused
	Timeout time.Duration // how long one waits for a permit; 0: for ever

	// PerCaller is how many percent of all that may be inside one caller may hold while others want
	// some; 0: all.
	PerCaller int
}

// Options configures an Engine.
type Options struct {
	Gate     GateConfig // the one gate that all local models share
	Streams  stream.Options
	Observer Observer // nil: none

	// Accept decides whether a verb may be registered; nil: any may. A server refuses verbs that
	// none of its routes reach.
	Accept func(*Verb) error
}

// Engine holds models and the gate they share. It is safe for use by many goroutines, save that all
// models and verbs are added before Load is called.
type Engine struct {
	observer Observer
	accept   func(*Verb) error
	shared   *namedGate
	streams  *stream.Streams
	models   []*Model
	byName   map[string]*Model // by name and by alias
	patterns []*Model          // whose names are patterns, the longest first
	standard *Model            // for requests that name none; may be nil

	mu       sync.Mutex
	draining bool
	begun    chan struct{}                     // closed when draining begins
	canceled bool                              // Cancel has been called
	active   int                               // loads, calls and generations that run
	runs     map[*Call]context.CancelCauseFunc // of generations without a stream
	idle     chan struct{}                     // closed when draining and nothing is active
}

// namedGate is a gate with its name, its configuration and its observer.
type namedGate struct {
	name     string
	config   GateConfig
	gate     *gate.Gate
	observer GateObserver
	absences *absences
}

func newGate(name string, c GateConfig, o Observer) *namedGate {
	return &namedGate{
		name: name, config: c, observer: o.Gate(name), absences: newAbsences(),
		gate: gate.New(gate.Config{Permits: c.Permits, Queue: c.Queue, Timeout: c.Timeout, PerCaller: c.PerCaller}),
	}
}

// SharedGate is the name of the gate that all local models share.
const SharedGate = "local"

// New returns an engine without models. It panics if the gate has no permit.
func New(o Options) *Engine {
	if o.Gate.Permits < 1 || o.Gate.Queue < 0 {
		panic(fmt.Sprintf("engine: a gate needs at least one permit and no negative queue: %+v", o.Gate))
	}
	if o.Observer == nil {
		o.Observer = noObserver{}
	}
	return &Engine{
		observer: o.Observer,
		shared:   newGate(SharedGate, o.Gate, o.Observer),
		accept:   o.Accept,
		streams:  stream.New(o.Streams),
		byName:   map[string]*Model{},
		begun:    make(chan struct{}),
		idle:     make(chan struct{}),
		runs:     map[*Call]context.CancelCauseFunc{},
	}
}

// begin counts one more piece of work, unless the engine is draining. Each begin is paired with an
// end.
func (e *Engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		return false
	}
	e.active++
	return true
}

func (e *Engine) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active--
	if e.draining && e.active == 0 {
		close(e.idle)
	}
}

// Load starts loading every model, all at once, and returns a channel that is closed when none is
// loading any more. A model that fails to load fails alone. The context bounds the loading and
// nothing after it; Wait and Close wait for it.
func (e *Engine) Load(ctx context.Context) <-chan struct{} {
	e.reserve()
	loaded := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(len(e.models)))
	one := func() {
		if left.Add(-1) <= 0 {
			close(loaded)
		}
	}
	if len(e.models) == 0 {
		close(loaded)
	}
	for _, m := range e.models {
		if !e.begin() {
			one()
			continue
		}
		go func() {
			defer e.end()
			defer one()
			m.load(ctx)
		}()
	}
	return loaded
}

// reserve keeps a permit of the shared gate for predictors if generators share it: they would have
// to wait for the end of generations else, which take minutes where a predict takes milliseconds.
func (e *Engine) reserve() {
	predictors, generators := false, false
	for _, m := range e.models {
		for _, v := range m.verbs {
			if m.gate == e.shared {
				predictors = predictors || !v.Streams()
				generators = generators || v.Streams()
			}
		}
	}
	if predictors && generators {
		e.shared.gate.Reserve(1)
	}
}

// maxName is how many bytes of an unknown name an error repeats.
const maxName = 256

// Model returns the model that a name is for, or an *apierr.Error with apierr.CodeModelNotFound. An
// exact name comes before an alias, and an alias before the longest pattern that matches.
func (e *Engine) Model(name string) (*Model, error) {
	if m, ok := e.find(name); ok {
		return m, nil
	}
	which := strconv.Quote(name)
	if len(name) > maxName { // no name here is that long, and a request may have megabytes
		which = fmt.Sprintf("by that name, which has %d bytes", len(name))
	}
	return nil, &apierr.Error{Code: apierr.CodeModelNotFound, Message: fmt.Sprintf("there is no model %s; GET /v1/models lists those there are", which), Param: "model"}
}

// Models returns the models in the order they were added.
func (e *Engine) Models() []*Model { return e.models }

// Snapshot reports the engine's numbers.
func (e *Engine) Snapshot() Snapshot {
	s := Snapshot{Readers: e.streams.Readers()}
	see := func(d *namedGate) {
		n := d.gate.State()
		s.Gates = append(s.Gates, GateSnapshot{
			Name: d.name, Permits: n.Permits, Queue: d.config.Queue, InUse: n.InUse, Waiting: n.Waiting, Inside: n.Inside, Callers: n.Callers,
		})
	}
	see(e.shared)
	for _, m := range e.models {
		if m.gate != e.shared {
			see(m.gate)
		}
		s.Models = append(s.Models, m.Snapshot())
	}
	return s
}

// Streams returns the streams that the engine's generators write.
func (e *Engine) Streams() *stream.Streams { return e.streams }

// Drain lets no new request in; what runs goes on.
func (e *Engine) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		return
	}
	e.draining = true
	close(e.begun)
	e.streams.Drain()
	if e.active == 0 {
		close(e.idle)
	}
}

// DrainBegun returns a channel that is closed when Drain is called. A request that has not been
// admitted by then never will be.
func (e *Engine) DrainBegun() <-chan struct{} { return e.begun }

// Draining reports whether Drain has been called.
func (e *Engine) Draining() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draining
}

// Wait returns once the engine is drained and nothing runs any more, or with the context's cause.
// Call Drain first.
func (e *Engine) Wait(ctx context.Context) error {
	select {
	case <-e.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for open work to end: %w", context.Cause(ctx))
	}
}

// Cancel ends every generation with CodeDraining; none begins after it. It does not wait.
func (e *Engine) Cancel() {
	e.streams.Cancel(draining())
	e.mu.Lock()
	defer e.mu.Unlock()
	e.canceled = true
	for _, cancel := range e.runs {
		cancel(draining())
	}
}

// run returns the context of a generation without a stream, which Cancel ends too, and what to call
// when it is over.
func (e *Engine) run(ctx context.Context, c *Call) (running context.Context, over func()) {
	running, cancel := context.WithCancelCause(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runs[c] = cancel
	if e.canceled {
		cancel(draining())
	}
	return running, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.runs, c)
		cancel(nil)
	}
}

// Close drains, cancels every generation, waits until all work has stopped, and closes the models.
// Predictions and Load end when their own contexts do: cancel these first.
func (e *Engine) Close() error {
	e.Drain()
	e.Cancel()
	<-e.idle
	e.streams.Close()
	var errs []error
	for _, m := range e.models {
		if err := m.close(); err != nil {
			errs = append(errs, fmt.Errorf("close model %q: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}
