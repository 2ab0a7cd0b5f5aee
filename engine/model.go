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

// A model is loading until its Load returns; then it is ready, or failed for good.
const (
	StateLoading State = "loading"
	StateReady   State = "ready"
	StateFailed  State = "failed"
)

// Lifecycle describes a model, and how it is loaded and closed. Its verbs share it.
type Lifecycle struct {
	Kind  string                          // what sort of model, for lists: "clip", "onnx-llm", "openai"
	Load  func(ctx context.Context) error // called once, before any verb; nil: ready as it is. Its error is shown to the operator
	Close func() error                    // called once after the last verb has returned, if Load succeeded; may be nil
	Gate  *GateConfig                     // a gate of its own; nil: the one all local models share

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

	mu     sync.Mutex
	state  State
	reason string
}

// Add adds a model. Its name may be a pattern with one *: the model is for all names then that the
// pattern matches, and is observed and listed by the pattern. It panics on a name that is taken or
// empty: names come from a configuration that was checked.
func (e *Engine) Add(name string, l Lifecycle) *Model {
	m := &Model{name: name, lifecycle: l, engine: e, gate: e.shared, observer: e.observer.Model(name), state: StateLoading}
	if l.Load == nil {
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
	m.state = StateReady
	if err != nil {
		m.state, m.reason = StateFailed, err.Error()
	}
	state := m.state
	m.mu.Unlock()
	m.observer.Changed(state, err)
}

// usable returns nil if the model is ready.
func (m *Model) usable() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.state {
	case StateReady:
		return nil
	case StateLoading:
		return &apierr.Error{Code: apierr.CodeModelLoading, Message: fmt.Sprintf("model %q is still loading; try again", m.name), RetryAfter: time.Second}
	case StateFailed:
	}
	return &apierr.Error{Code: apierr.CodeModelFailed, Message: fmt.Sprintf("model %q could not be loaded; its operator sees why at /readyz", m.name)}
}

func (m *Model) close() error {
	m.mu.Lock()
	ready := m.state == StateReady
	m.mu.Unlock()
	if !ready || m.lifecycle.Close == nil {
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
