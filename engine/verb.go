package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
)

// Caller is who asks. Order at the gate is first come, first served whoever it is; the name is for rules to come and logs.
type Caller struct {
	Name     string
	Priority int
}

// Input is a request as bytes.
type Input struct {
	ContentType string     // as the caller named it; may be empty
	Body        []byte     // whole; nil where the input is in the query
	Query       url.Values // may be nil
	Credential  string     // the caller's own, for models that pass it on; may be empty
	Answer      Answer     // for verbs that copy a remote model's answer; nil where the caller wants an Output
}

// Answer takes a whole answer that is copied as it comes: the head once, then the body.
type Answer interface {
	Head(status int, header map[string][]string)
	io.Writer
}

// Output is an answer as bytes. Both fields are empty when the answer was written to Input.Answer.
type Output struct {
	ContentType string
	Body        []byte
}

// Encoded is a chunk as bytes: the data of one event, and its name, which most have not.
type Encoded struct {
	Name string
	Data []byte
}

// Verb is a model's verb for callers who have bytes. Exactly one of its two ways works, as Streams tells.
type Verb struct {
	name    string
	model   *Model
	predict func(ctx context.Context, c *Call, in Input) (Output, error) // nil for a generator
	start   func(ctx context.Context, c *Call, in Input, o StreamOptions) (*Stream, error)
}

// Name returns the verb's name.
func (v *Verb) Name() string { return v.name }

// Streams tells whether the verb is a generator.
func (v *Verb) Streams() bool { return v.start != nil }

func (m *Model) register(v *Verb) {
	if _, taken := m.Verb(v.name); taken || v.name == "" {
		panic(fmt.Sprintf("engine: verb %q of model %q is empty or taken", v.name, m.name))
	}
	v.model = m
	m.verbs = append(m.verbs, v)
}

// Admit takes a place inside the model's gate: before the request's body is read, so that a full house costs nothing.
// Its errors are draining, model_loading, model_failed and queue_full. The caller must Close the Call.
func (v *Verb) Admit(who Caller) (*Call, error) {
	e := v.model.engine
	if !e.begin() {
		return nil, canceled(ErrDraining)
	}
	if err := v.model.usable(); err != nil {
		e.end()
		return nil, err
	}
	d := v.model.door
	place, err := d.gate.Enter()
	if err != nil {
		e.end()
		d.observer.Rejected(apierr.CodeQueueFull)
		return nil, gateError(err, d.config)
	}
	return &Call{verb: v, who: who, place: place}, nil
}

// Call is one admitted request. It is for one goroutine and one use: Predict, or Start.
type Call struct {
	verb  *Verb
	who   Caller
	place *gate.Place
	over  bool // closed, or handed over to a stream
}

// Close gives the place back, unless a stream has taken it over. More calls do nothing.
func (c *Call) Close() {
	if c.over {
		return
	}
	c.over = true
	c.place.Leave()
	c.verb.model.engine.end()
}

// Predict runs a Predictor verb from bytes to bytes. Errors are *apierr.Error.
func (c *Call) Predict(ctx context.Context, in Input) (Output, error) {
	if c.verb.predict == nil {
		return Output{}, &apierr.Error{Code: apierr.CodeNotAcceptable, Message: fmt.Sprintf("%s of model %q writes as it goes; ask for its stream", c.verb.name, c.verb.model.name)}
	}
	out, err := c.verb.predict(ctx, c, in)
	if err != nil {
		return Output{}, apierr.From(err)
	}
	return out, nil
}

// Start begins a Generator verb's stream. What is wrong with the input is an error here; everything later is in the stream.
// The stream runs on when ctx ends, until it is done or nobody could read it any more: who starts one follows it, or
// cancels it. Values of ctx (a request id for the log) stay visible to the model.
func (c *Call) Start(ctx context.Context, in Input, o StreamOptions) (*Stream, error) {
	if c.verb.start == nil {
		return nil, &apierr.Error{Code: apierr.CodeNotAcceptable, Message: fmt.Sprintf("%s of model %q gives one whole answer; there is no stream of it", c.verb.name, c.verb.model.name)}
	}
	s, err := c.verb.start(ctx, c, in, o)
	if err != nil {
		return nil, apierr.From(err)
	}
	return s, nil
}

// permit waits at the gate and returns a permit, telling the observer how it went.
func (c *Call) permit(ctx context.Context, w *gate.Waiter) (*gate.Permit, error) {
	d := c.verb.model.door
	since := time.Now()
	p, err := w.Wait(ctx)
	if errors.Is(err, gate.ErrWithdrawn) { // taken along in another's run: the wait is over all the same
		d.observer.Waited(time.Since(since))
		return nil, err
	}
	if err != nil {
		reason := apierr.CodeCanceled
		if errors.Is(err, gate.ErrTimeout) {
			reason, err = apierr.CodeQueueTimeout, gateError(err, d.config)
		} else {
			err = canceled(err)
		}
		d.observer.Rejected(reason)
		return nil, err
	}
	d.observer.Waited(time.Since(since))
	return p, nil
}

func (c *Call) join() *gate.Waiter {
	return c.place.Join(gate.Ticket{Caller: c.who.Name, Priority: c.who.Priority})
}

// phase runs one step and tells the observer how long it took.
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

// decodeJSON is the Decode of a verb that brings none: exactly one JSON value, unknown fields refused.
func decodeJSON[In any](in Input) (v In, err error) {
	d := json.NewDecoder(bytes.NewReader(in.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "the body is not the JSON that is wanted here: " + strings.TrimPrefix(err.Error(), "json: ")}
	}
	if _, err := d.Token(); err != io.EOF {
		return v, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "the body goes on after its JSON value"}
	}
	return v, nil
}

// encodeJSON is the Encode of a verb that brings none.
func encodeJSON[T any](v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}
