package engine

import (
	"context"

	"penstock/apierr"
)

// Predictor gives one whole result. In is what callers send, Feed what the model runs on, Raw what
// it returns, Out what callers get. Only Predict runs under a permit.
type Predictor[In, Feed, Raw, Out any] struct {
	Preprocess  func(ctx context.Context, in In) (Feed, error)
	Predict     func(ctx context.Context, feed Feed) (Raw, error)
	Postprocess func(ctx context.Context, raw Raw) (Out, error)

	// PredictBatch, in the place of Predict, runs up to BatchMax feeds as one, under one permit,
	// and gives a Raw for each, in their order. Its context ends when all their callers have left.
	PredictBatch func(ctx context.Context, feeds []Feed) ([]Raw, error)
	BatchMax     int
	// Alone reports whether each run has one feed all the same, once the model is loaded. nil: no.
	Alone func() bool

	Decode func(Input) (In, error)   // nil: JSON
	Encode func(Out) (Output, error) // nil: JSON
}

// Prediction is the typed handle of a Predictor verb.
type Prediction[In, Out any] struct {
	verb *Verb
	run  func(ctx context.Context, c *Call, in In) (Out, error)
}

// Predicts registers a Predictor as a verb of the model. It panics if one of its three steps is
// missing, or there are two Predicts.
func Predicts[In, Feed, Raw, Out any](m *Model, verb string, p Predictor[In, Feed, Raw, Out]) *Prediction[In, Out] {
	if p.Preprocess == nil || (p.Predict == nil) == (p.PredictBatch == nil) || p.Postprocess == nil {
		panic("engine: a Predictor needs Preprocess, Predict or PredictBatch, and Postprocess")
	}
	if p.Decode == nil {
		p.Decode = decodeInput[In]
	}
	if p.Encode == nil {
		p.Encode = encodeOutput[Out]
	}
	predict := func(ctx context.Context, c *Call, feed Feed) (Raw, error) {
		return underPermit(ctx, c, func() (Raw, error) { return phase(ctx, m, PhasePredict, p.Predict, feed) })
	}
	if p.PredictBatch != nil {
		predict = (&batcher[Feed, Raw]{max: max(1, p.BatchMax), alone: p.Alone, predict: p.PredictBatch}).do
	}
	run := func(ctx context.Context, c *Call, in In) (out Out, err error) {
		feed, err := phase(ctx, m, PhasePreprocess, p.Preprocess, in)
		if err != nil {
			return out, err
		}
		raw, err := predict(ctx, c, feed)
		if err != nil {
			return out, err
		}
		return phase(ctx, m, PhasePostprocess, p.Postprocess, raw)
	}
	return registerPrediction(m, verb, run, p.Decode, p.Encode)
}

// registerPrediction registers a verb that gives one whole result, and returns its handle.
func registerPrediction[In, Out any](
	m *Model, verb string, run func(context.Context, *Call, In) (Out, error),
	decode func(Input) (In, error), encode func(Out) (Output, error),
) *Prediction[In, Out] {
	v := &Verb{name: verb, predict: func(ctx context.Context, c *Call, in Input) (Output, error) {
		var out Output
		value, err := decoded(decode, in)
		if err != nil {
			return out, err
		}
		result, err := run(ctx, c, value)
		if err != nil {
			return out, err
		}
		err = guard(func() (err error) { out, err = encode(result); return err })
		return out, err
	}}
	h := &Prediction[In, Out]{verb: v, run: run}
	v.handle = h
	m.register(v)
	return h
}

// PredictionOf returns the typed handle of a model's verb, if it has one of these types.
func PredictionOf[In, Out any](m *Model, verb string) (*Prediction[In, Out], bool) {
	v, ok := m.Verb(verb)
	if !ok {
		return nil, false
	}
	return PredictionHandle[In, Out](v)
}

// PredictionHandle returns the typed handle of a verb, if it has one of these types.
func PredictionHandle[In, Out any](v *Verb) (*Prediction[In, Out], bool) {
	p, ok := v.handle.(*Prediction[In, Out])
	return p, ok
}

// underPermit waits for a permit, holds it while work runs, and gives it back whatever happens.
func underPermit[T any](ctx context.Context, c *Call, work func() (T, error)) (out T, err error) {
	permit, err := c.permit(ctx, c.join())
	if err != nil {
		return out, err
	}
	defer permit.Release()
	return work()
}

// Check returns the error of Admit if it would fail now, as Verb.Check does.
func (p *Prediction[In, Out]) Check(c Caller) error { return p.verb.Check(c) }

// Admit takes a slot inside the model's gate, as Verb.Admit does.
func (p *Prediction[In, Out]) Admit(c Caller) (*Call, error) { return p.verb.Admit(c) }

// Do runs the verb. Errors are *apierr.Error.
func (p *Prediction[In, Out]) Do(ctx context.Context, c *Call, in In) (Out, error) {
	out, err := p.run(ctx, c, in)
	if err != nil {
		var none Out
		return none, apierr.From(err)
	}
	return out, nil
}
