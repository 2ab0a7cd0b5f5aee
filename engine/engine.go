package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
)

// GateConfig says how wide a gate is.
type GateConfig struct {
	Permits int           // how many predicts or generations run at once; at least 1
	Queue   int           // how many more requests may be inside; one more is refused
	Timeout time.Duration // how long one waits for a permit; 0: for ever
}

// Options configures an Engine.
type Options struct {
	Gate     GateConfig // the one gate that all local models share
	Streams  int        // how many streams may be open at once; 0: as many as the gates let in
	Logs     Logs       // where streams with a Lease are kept; nil: in memory, 256 MiB in all
	Observer Observer   // nil: nobody watches
}

// Engine holds models and the gate they share. It is safe for use by many goroutines, save that all models and verbs are
// added before Load is called.
type Engine struct {
	observer Observer
	shared   *door
	logs     Logs
	limit    int // of open streams; 0: none
	models   []*Model
	byName   map[string]*Model

	readers atomic.Int64

	mu       sync.Mutex
	draining bool
	closing  bool
	active   int                // loads, calls and producers that run
	idle     chan struct{}      // closed when draining and nothing is active
	open     int                // streams whose producer runs
	streams  map[string]*Stream // by id: open, or kept for readers to come
	unheard  map[*Stream]bool   // that ended since Drain, and whose end no reader has been handed

	left chan struct{} // holds one token at most, put there when a reader leaves or an unheard stream is one no longer
}

// door is a gate with its name, its words and its observer.
type door struct {
	name     string
	config   GateConfig
	gate     *gate.Gate
	observer GateObserver
}

func newDoor(name string, c GateConfig, o Observer) *door {
	return &door{name: name, config: c, observer: o.Gate(name), gate: gate.New(gate.Config{Permits: c.Permits, Queue: c.Queue, Timeout: c.Timeout})}
}

// defaultLogs is how many bytes the logs in memory hold when Options brings none.
const defaultLogs = 256 << 20

// SharedGate is the name of the gate that all local models share.
const SharedGate = "local"

// New returns an engine without models. It panics if the gate has no permit.
func New(o Options) *Engine {
	if o.Gate.Permits < 1 || o.Gate.Queue < 0 {
		panic(fmt.Sprintf("engine: a gate needs at least one permit and no negative queue: %+v", o.Gate))
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Logs == nil {
		o.Logs = NewMemoryLogs(defaultLogs)
	}
	return &Engine{
		observer: o.Observer,
		shared:   newDoor(SharedGate, o.Gate, o.Observer),
		byName:   map[string]*Model{},
		idle:     make(chan struct{}),
		logs:     o.Logs,
		limit:    o.Streams,
		streams:  map[string]*Stream{},
		unheard:  map[*Stream]bool{},
		left:     make(chan struct{}, 1),
	}
}

// begin counts one more piece of work, unless the engine is draining. Each begin is paired with an end.
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

// Load starts loading every model, all at once, and returns a channel that is closed when none is loading any more. A
// model that fails to load fails alone. The context bounds the loading and nothing after it; Wait and Close wait for it.
func (e *Engine) Load(ctx context.Context) <-chan struct{} {
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

// Model returns the model of that name, or an *apierr.Error with apierr.CodeModelNotFound.
func (e *Engine) Model(name string) (*Model, error) {
	if m, ok := e.byName[name]; ok {
		return m, nil
	}
	return nil, &apierr.Error{Code: apierr.CodeModelNotFound, Message: fmt.Sprintf("there is no model %q; GET /v1/models lists those there are", name), Param: "model"}
}

// Models returns the models in the order they were added.
func (e *Engine) Models() []*Model { return e.models }

// Snapshot reports the engine's numbers.
func (e *Engine) Snapshot() Snapshot {
	s := Snapshot{Readers: int(e.readers.Load())}
	see := func(d *door) {
		n := d.gate.State()
		s.Gates = append(s.Gates, GateSnapshot{Name: d.name, Permits: n.Permits, Queue: d.config.Queue, InUse: n.InUse, Waiting: n.Waiting, Inside: n.Inside})
	}
	see(e.shared)
	for _, m := range e.models {
		if m.door != e.shared {
			see(m.door)
		}
		s.Models = append(s.Models, m.Snapshot())
	}
	return s
}

// Stream returns the stream of that id that readers may come back to, or an *apierr.Error with apierr.CodeNotFound.
func (e *Engine) Stream(id string) (*Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.streams[id]; s != nil && s.options.Lease > 0 {
		return s, nil
	}
	return nil, &apierr.Error{Code: apierr.CodeNotFound, Message: "there is no such stream, or no longer; start a new one"}
}

// adopt takes a new stream in.
func (e *Engine) adopt(s *Stream) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing { // Close has looked already
		return canceled(ErrDraining)
	}
	if e.limit > 0 && e.open >= e.limit {
		return &apierr.Error{Code: apierr.CodeQueueFull, Message: fmt.Sprintf("%d streams are open, and no more may be; try again later", e.limit), RetryAfter: time.Second}
	}
	e.open++
	e.streams[s.id] = s
	return nil
}

// release notes that a stream's producer has stopped.
func (e *Engine) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
}

// forget lets a stream go that nobody new can read.
func (e *Engine) forget(s *Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.streams, s.id)
	delete(e.unheard, s)
	ping(e.left)
}

// ended notes that a stream that readers may come back to is about to end.
func (e *Engine) ended(s *Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		e.unheard[s] = true
	}
}

// heard notes that a reader has been handed a stream's end.
func (e *Engine) heard(s *Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.unheard, s)
	ping(e.left)
}

// Drain lets no new request in; what runs goes on.
func (e *Engine) Drain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining {
		return
	}
	e.draining = true
	if e.active == 0 {
		close(e.idle)
	}
}

// Draining tells whether Drain has been called.
func (e *Engine) Draining() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.draining
}

// Wait returns once the engine is drained and nothing runs any more, or with the context's cause. Call Drain first.
func (e *Engine) Wait(ctx context.Context) error {
	select {
	case <-e.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for open work to end: %w", context.Cause(ctx))
	}
}

// WaitForReaders returns once nobody follows a stream any more, or with the context's cause. Readers who were cut off from
// a stream that has ended since Drain are waited for too, though for no longer than absence. Call Wait first.
func (e *Engine) WaitForReaders(ctx context.Context, absence time.Duration) error {
	timer := time.NewTimer(absence)
	defer timer.Stop()
	for late := false; ; {
		e.mu.Lock()
		unheard := len(e.unheard)
		e.mu.Unlock()
		if e.readers.Load() == 0 && (late || unheard == 0) {
			return nil
		}
		select {
		case <-e.left:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return fmt.Errorf("wait for readers to leave: %w", context.Cause(ctx))
		}
	}
}

// Cancel ends every stream with apierr.CodeDraining; none begins after it. It does not wait.
func (e *Engine) Cancel() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closing = true
	for _, s := range e.streams {
		s.cancel(ErrDraining)
	}
}

// Close drains, cancels every stream, waits until all work has stopped, and closes the models. Calls of Predict, and of
// Load, end when their own contexts do: cancel these first.
func (e *Engine) Close() error {
	e.Drain()
	e.Cancel()
	<-e.idle
	e.mu.Lock()
	kept := slices.Collect(maps.Values(e.streams))
	e.mu.Unlock()
	for _, s := range kept {
		s.mu.Lock()
		s.retire()
		s.mu.Unlock()
	}
	var errs []error
	for _, m := range e.models {
		if err := m.close(); err != nil {
			errs = append(errs, fmt.Errorf("close model %q: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}
