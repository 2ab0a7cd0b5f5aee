package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
	"penstock/sse"
	"penstock/stream"
)

// Caller is the origin of a request: a client, however it was identified.
type Caller struct {
	Name     string // requests of one name share what a caller may have of a gate
	Priority Priority
	Trace    *Trace // of the request; may be nil

	// Charge is called once for each Call, when its work has ended, with what that came to: also
	// where it failed or was canceled. A client that sees the end of a stream finds it charged.
	// It must return quickly; nil: there is none.
	Charge func(Usage)
}

// Priority says which callers go first where several wait.
type Priority int

// The priorities. Callers of the same one have turns of their own.
const (
	PriorityInteractive Priority = iota
	PriorityBatch
)

// Verb is a model's verb for callers that have bytes. Callers that know its types use the typed
// handle, a Prediction or a Generation.
type Verb struct {
	name   string
	model  *Model
	handle any // the typed handle, for PredictionOf and GenerationOf

	predict func(ctx context.Context, c *Call, in Input) (Output, error) // nil for a generator
	start   startFunc                                                    // nil for a predictor
	collect collectFunc                                                  // nil for a predictor
}

type (
	startFunc   func(ctx context.Context, c *Call, in Input, f Finisher, o StreamOptions) (*stream.Stream, error)
	collectFunc func(ctx context.Context, c *Call, in Input, take func(sse.Event) error) (End, error)
)

// Name returns the verb's name.
func (v *Verb) Name() string { return v.name }

// Model returns the model whose verb it is.
func (v *Verb) Model() *Model { return v.model }

// Streams reports whether the verb is a generator.
func (v *Verb) Streams() bool { return v.start != nil }

func (m *Model) register(v *Verb) {
	if _, taken := m.Verb(v.name); taken || v.name == "" {
		panic(fmt.Sprintf("engine: verb %q of model %q is empty or taken", v.name, m.name))
	}
	v.model = m
	if accept := m.engine.accept; accept != nil {
		if err := accept(v); err != nil {
			panic(fmt.Sprintf("engine: verb %q of model %q: %v", v.name, m.name, err))
		}
	}
	m.verbs = append(m.verbs, v)
}

// Check returns the error of Admit if it would fail now, and takes nothing. A request is checked
// before its body is read, so that one that would be refused costs nothing, and is admitted once
// the body is there: a client that sends slowly holds no slot.
func (v *Verb) Check(c Caller) error {
	if v.model.engine.Draining() {
		return draining()
	}
	if err := v.model.usable(); err != nil {
		return err
	}
	g := v.model.gate
	if err := g.gate.Check(v.ticket(c)); err != nil {
		return g.refused(err)
	}
	return nil
}

// ticket describes a caller's request for the gate.
func (v *Verb) ticket(c Caller) gate.Ticket {
	t := gate.Ticket{Caller: c.Name, Priority: gate.Interactive, Length: gate.Short}
	if c.Priority == PriorityBatch {
		t.Priority = gate.Batch
	}
	if v.Streams() {
		t.Length = gate.Long
	}
	return t
}

// refused notes that a request got no slot, and returns the error for its client.
func (g *namedGate) refused(err error) error {
	reason := RejectedFull
	if errors.Is(err, gate.ErrShare) {
		reason = RejectedShare
	}
	g.observer.Rejected(reason)
	g.absences.reclaim(g.gate)
	return gateError(err, g.config)
}

// Admit takes a slot inside the model's gate. Its errors are *apierr.Error: draining,
// model_loading, model_failed, model_unhealthy and queue_full. The caller must Close the Call.
func (v *Verb) Admit(c Caller) (*Call, error) {
	e := v.model.engine
	if !e.begin() {
		return nil, draining()
	}
	if err := v.model.usable(); err != nil {
		e.end()
		return nil, err
	}
	g := v.model.gate
	slot, err := g.gate.Enter(v.ticket(c))
	if err != nil {
		e.end()
		return nil, g.refused(err)
	}
	c.Trace.admitted()
	return &Call{verb: v, caller: c, slot: slot}, nil
}

// Call is one admitted request. It is for one goroutine and one use of its verb.
type Call struct {
	verb   *Verb
	caller Caller
	slot   *gate.Slot
	closed bool // or its slot now belongs to a stream
	onEnd  func()

	charged bool
}

// Spent charges the caller with what the call came to; further calls do nothing. Generations are
// charged when they end. A call of a Predictor is charged by its caller, before it responds, so
// that a client that sees the end finds it charged.
func (c *Call) Spent(u Usage) {
	if c.charged {
		return
	}
	c.charged = true
	c.caller.Trace.used(u)
	if c.caller.Charge != nil {
		c.caller.Charge(u)
	}
}

// Close returns the slot, unless a stream has it, and charges nothing to a caller that has not been
// charged. Further calls do nothing.
func (c *Call) Close() {
	if c.closed {
		return
	}
	c.closed = true
	c.Spent(Usage{})
	c.slot.Leave()
	c.verb.model.engine.end()
	c.ended()
}

// OnEnd makes f be called once the call's work has ended: by Close, or at the end of the stream
// that the call has become. It is called before either, and once.
func (c *Call) OnEnd(f func()) { c.onEnd = f }

func (c *Call) ended() {
	if c.onEnd != nil {
		c.onEnd()
	}
}

// Predict runs a Predictor verb from bytes to bytes. Errors are *apierr.Error.
func (c *Call) Predict(ctx context.Context, in Input) (Output, error) {
	if c.verb.predict == nil {
		return Output{}, &apierr.Error{Code: apierr.CodeNotAcceptable, Message: fmt.Sprintf("%s of model %q produces a stream; request that", c.verb.name, c.verb.model.name)}
	}
	out, err := c.verb.predict(ctx, c, in)
	if err != nil {
		return Output{}, apierr.From(err)
	}
	return out, nil
}

// Start starts a Generator verb's stream from bytes, as Generation.Start does; f makes its last
// events. What is wrong with the input is an error here.
func (c *Call) Start(ctx context.Context, in Input, f Finisher, o StreamOptions) (*stream.Stream, error) {
	if c.verb.start == nil {
		return nil, c.whole()
	}
	s, err := c.verb.start(ctx, c, in, f, o)
	if err != nil {
		return nil, apierr.From(err)
	}
	return s, nil
}

// Collect runs a Generator verb from bytes without a stream, as Generation.Run does: its encoded
// chunks go to take.
func (c *Call) Collect(ctx context.Context, in Input, take func(sse.Event) error) (End, error) {
	if c.verb.collect == nil {
		return End{}, c.whole()
	}
	end, err := c.verb.collect(ctx, c, in, take)
	if err != nil {
		return End{}, apierr.From(err)
	}
	return end, nil
}

// whole is the error of a request for the stream of a verb that has none.
func (c *Call) whole() error {
	return &apierr.Error{Code: apierr.CodeNotAcceptable, Message: fmt.Sprintf("%s of model %q gives one whole result; there is no stream of it", c.verb.name, c.verb.model.name)}
}

// permit waits at the gate and returns a permit, and notifies the observer of the result.
func (c *Call) permit(ctx context.Context, w *gate.Waiter) (*gate.Permit, error) {
	g := c.verb.model.gate
	since := time.Now()
	p, err := w.Wait(ctx)
	c.caller.Trace.waited(time.Since(since))
	if errors.Is(err, gate.ErrWithdrawn) { // joined to another request's run: the wait is over all the same
		g.observer.Waited(time.Since(since))
		return nil, err
	}
	if err != nil {
		reason := RejectedCanceled
		if errors.Is(err, gate.ErrTimeout) {
			reason, err = RejectedTimeout, gateError(err, g.config)
		} else {
			err = canceled(err)
		}
		g.observer.Rejected(reason)
		return nil, err
	}
	g.observer.Waited(time.Since(since))
	return p, nil
}

// join enters the gate's queue.
func (c *Call) join() *gate.Waiter {
	w := c.slot.Join()
	if w.Waits() {
		c.verb.model.gate.absences.reclaim(c.verb.model.gate.gate)
	}
	return w
}

// phase runs one step and reports to the observer how long it took.
func phase[In, Out any](ctx context.Context, m *Model, p Phase, step func(context.Context, In) (Out, error), in In) (out Out, err error) {
	since := time.Now()
	err = guard(func() (err error) { out, err = step(ctx, in); return err })
	m.observer.PhaseDone(p, time.Since(since))
	if err != nil && ctx.Err() != nil {
		return out, canceled(context.Cause(ctx))
	}
	return out, err
}

// guard turns a panic into an error that carries its stack, for the log.
func guard(step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return step()
}
