package httpmodel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"penstock/engine"
	"penstock/outbound"
	"penstock/sse"
)

// The verbs of a model, as routes reach them.
const (
	verbPredict = "predict"
	verbStream  = "stream"
)

// model is a Config in use.
type model struct {
	config Config
	drains sync.WaitGroup // responses whose last bytes are being read

	preprocess, predict, stream, postprocess *endpoint // nil: there is no such step
}

// Add adds the model and its verbs to the engine. Its error says what is wrong with the
// configuration; no server is contacted before the engine loads its models.
func Add(e *engine.Engine, c Config) (*engine.Model, error) {
	m, watch, err := newModel(c)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", c.Name, err)
	}
	l := engine.Lifecycle{Kind: "http", Gate: c.Gate, Close: m.close}
	if watch != nil {
		l.Watch, l.Recheck = watch, c.Health.Interval
	}
	added := e.Add(c.Name, l)
	m.register(added)
	return added, nil
}

// newModel returns the model, and its Lifecycle.Watch, which is nil if it has none.
func newModel(c Config) (*model, func(context.Context, func(error)), error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Forward == nil {
		c.Forward = outbound.DefaultForward()
	}
	m := &model{config: c}
	var errs []error
	add := func(to **endpoint, step string, e *Endpoint, streams bool) {
		var err error
		if e == nil {
			return
		}
		if *to, err = m.endpoint(e, streams); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", step, err))
		}
	}
	add(&m.preprocess, "preprocess", c.Preprocess, false)
	add(&m.predict, verbPredict, c.Predict, false)
	add(&m.postprocess, "postprocess", c.Postprocess, false)
	if c.Stream != nil {
		add(&m.stream, verbStream, &c.Stream.Endpoint, true)
	}
	if c.Health == nil {
		return m, nil, errors.Join(errs...)
	}
	connection := c.Health.Connection
	connection.Connect, connection.Keep = c.Health.Timeout, 1
	out, err := outbound.New(c.Health.URL, connection)
	if err != nil {
		errs = append(errs, fmt.Errorf("health: %w", err))
	}
	watch := func(ctx context.Context, report func(error)) { c.Health.watch(ctx, out, report) }
	return m, watch, errors.Join(errs...)
}

// decode returns what a client has sent as the input of the first step.
func (m *model) decode(in engine.Input) (*payload, error) {
	p, err := decode(in)
	if err == nil {
		p.header = outbound.Forward(in.Header, m.config.Forward) // nothing of it is the gateway's own
	}
	return p, err
}

func (m *model) register(to *engine.Model) {
	if m.predict != nil {
		engine.Predicts(to, verbPredict, engine.Predictor[*payload, *payload, *payload, *payload]{
			Preprocess:  m.preprocess.step,
			Predict:     m.predict.step,
			Postprocess: m.postprocess.step,
			Decode:      m.decode,
			Encode:      encode,
		})
	}
	if m.stream != nil {
		engine.Generates(to, verbStream, engine.Generator[*payload, *payload, sse.Event]{
			Preprocess: m.preprocess.step,
			Generate:   m.stream.generate,
			Waits:      m.config.Gate != nil, // a permit of local models is not held up by a slow reader
			Decode:     m.decode,
			Encode:     func(chunk sse.Event) (sse.Event, error) { return chunk, nil },
		})
	}
}

// close waits for the rests of responses, and closes the connections.
func (m *model) close() error {
	m.drains.Wait()
	for _, e := range []*endpoint{m.preprocess, m.predict, m.stream, m.postprocess} {
		e.close()
	}
	return nil
}
