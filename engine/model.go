package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"penstock/apierr"
)

// State is where a model is in its life.
type State string

// A model is loading until its Load returns; then it is ready, or failed for good. One with a Watch
// is loading until that reports its first success, and from then on ready or unhealthy.
const (
	StateLoading   State = "loading"
	StateReady     State = "ready"
	StateFailed    State = "failed"
	StateUnhealthy State = "unhealthy"
)

// Lifecycle describes a model, and how it is loaded and closed. Its verbs share it.
type Lifecycle struct {
	Kind  string                          // what sort of model, for lists: "clip", "onnx-llm", "openai"
	Load  func(ctx context.Context) error // called once, before any verb; nil: ready as it is. Its error is shown to the operator
	Close func() error                    // called once after the last verb has returned, if Load succeeded; may be nil
	Gate  *GateConfig                     // a gate of its own; nil: the one all local models share

	// Watch reports whether the model can be used: nil, or why not, which is shown to the operator.
	// It is called in a goroutine of its own after Load has succeeded, and returns when ctx ends,
	// which is before Close. nil: the model can be used once it is loaded.
	Watch func(ctx context.Context, report func(error))
	// Recheck is about how long Watch takes to notice a change, for Retry-After.
	Recheck time.Duration

	// Routes are patterns of further routes, as the server that reaches the verbs writes them, for
	// which a request may be the model's.
	Routes []string

	// Describe returns the inputs and outputs of the loaded model, for clients that request them
	// before they call; nil: there is no description.
	Describe func() (Output, error)

	// List returns names that a model can be used by whose own name is a pattern; nil: none are
	// known. It returns what it has once ctx ends.
	List func(ctx context.Context) ([]string, error)
}

// Model is a named set of verbs with one state and one gate.
type Model struct {
	name      string
	aliases   []string
	lifecycle Lifecycle
	engine    *Engine
	gate      *namedGate
	observer  ModelObserver
	verbs     []*Verb
	streams   atomic.Int64
	watching  watched

	mu     sync.Mutex
	loaded bool // Load has succeeded
	state  State
	reason string
}

// Add adds a model. Its name may be a pattern with one *: the model is for all names then that the
// pattern matches, and is observed and listed by the pattern. It panics on a name that is taken or
// empty: names come from a configuration that was checked.
func (e *Engine) Add(name string, l Lifecycle) *Model {
	m := &Model{name: name, lifecycle: l, engine: e, gate: e.shared, observer: e.observer.Model(name), state: StateLoading}
	if l.Load == nil && l.Watch == nil {
		m.state = StateReady
	}
	if l.Gate != nil {
		m.gate = newGate(name, *l.Gate, e.observer)
	}
	e.name(m, name)
	e.models = append(e.models, m)
	return m
}

// Name returns the model's name.
func (m *Model) Name() string { return m.name }

// Routes returns the Lifecycle's.
func (m *Model) Routes() []string { return m.lifecycle.Routes }

// Verb returns the model's verb of that name, and whether it has one.
func (m *Model) Verb(name string) (*Verb, bool) {
	for _, v := range m.verbs {
		if v.name == name {
			return v, true
		}
	}
	return nil, false
}

// Verbs returns the model's verbs in the order they were registered.
func (m *Model) Verbs() []*Verb { return m.verbs }

func (m *Model) load(ctx context.Context) {
	err := guard(func() error {
		if m.lifecycle.Load == nil {
			return nil
		}
		return m.lifecycle.Load(ctx)
	})
	m.mu.Lock()
	m.loaded = err == nil
	switch {
	case err != nil:
		m.state, m.reason = StateFailed, err.Error()
	case m.lifecycle.Watch == nil:
		m.state = StateReady
	}
	state := m.state
	m.mu.Unlock()
	if state != StateLoading {
		m.observer.Changed(state, err)
		return
	}
	m.watch(ctx)
}

// usable returns nil if the model is ready.
func (m *Model) usable() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.state {
	case StateReady:
		return nil
	case StateLoading:
		return &apierr.Error{Code: apierr.CodeModelLoading, Message: fmt.Sprintf("model %q is still loading; try again", m.name), RetryAfter: m.retryAfter()}
	case StateUnhealthy:
		return m.unhealthy()
	case StateFailed:
	}
	return &apierr.Error{Code: apierr.CodeModelFailed, Message: fmt.Sprintf("model %q could not be loaded; its operator sees why at /readyz", m.name)}
}

func (m *Model) close() error {
	m.unwatch()
	m.mu.Lock()
	loaded := m.loaded || m.lifecycle.Load == nil
	m.mu.Unlock()
	if !loaded || m.lifecycle.Close == nil {
		return nil
	}
	return guard(m.lifecycle.Close)
}

// Describe returns the inputs and outputs of the model; the Output is empty if there is no
// description. It needs no permit. The errors
// are model_loading and model_failed.
func (m *Model) Describe() (Output, error) {
	if err := m.usable(); err != nil || m.lifecycle.Describe == nil {
		return Output{}, err
	}
	var out Output
	if err := guard(func() (err error) { out, err = m.lifecycle.Describe(); return err }); err != nil {
		return Output{}, apierr.From(err)
	}
	return out, nil
}

// Snapshot reports the model's state.
func (m *Model) Snapshot() ModelSnapshot {
	m.mu.Lock()
	s := ModelSnapshot{Name: m.name, Kind: m.lifecycle.Kind, State: m.state, Reason: m.reason, Streams: int(m.streams.Load())}
	m.mu.Unlock()
	for _, v := range m.verbs {
		s.Verbs = append(s.Verbs, v.name)
		s.Streaming = s.Streaming || v.Streams()
	}
	return s
}
