package testmodel

import (
	"context"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/stream"
)

// End is how a generation ends; the zero End is none.
type End = engine.End

// ErrNoReader is what emit returns once no reader is left.
var ErrNoReader = stream.ErrNoReader

// Stopped is the end of a generation that is complete.
func Stopped() End { return engine.Stopped(engine.Usage{}) }

// AddGenerator adds a model that streams what a function emits, on the native routes and as a chat.
// Its input is ignored.
func AddGenerator(e *engine.Engine, name string, generate func(ctx context.Context, emit func(...string) error) (End, error)) {
	m := e.Add(name, engine.Lifecycle{Kind: "test"})
	g := engine.Generator[struct{}, struct{}, string]{
		Decode:     func(engine.Input) (struct{}, error) { return struct{}{}, nil },
		Preprocess: func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil },
		Generate: func(ctx context.Context, _ struct{}, emit func(...string) error) (End, error) {
			return generate(ctx, emit)
		},
		Encode: encodeStream,
	}
	engine.Generates(m, "stream", g)
	engine.Generates(m, "generate", engine.Generator[*dialect.Request, struct{}, dialect.Delta]{
		Preprocess: func(context.Context, *dialect.Request) (struct{}, error) { return struct{}{}, nil },
		Generate:   inChat(g.Generate),
	})
}

// AddPredictor adds a model whose verb predict returns its input, a number, after postprocess has
// returned.
func AddPredictor(e *engine.Engine, name string, postprocess func()) {
	engine.Predicts(e.Add(name, engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[int, int, int, int]{
		Preprocess: func(_ context.Context, n int) (int, error) { return n, nil },
		Predict:    func(_ context.Context, n int) (int, error) { return n, nil },
		Postprocess: func(_ context.Context, n int) (int, error) {
			postprocess()
			return n, nil
		},
	})
}

// ClockName is the name of the model that AddClock adds.
const ClockName = "clock"

// AddClock adds a model whose verb stream emits the time, in nanoseconds, every 100 ms, as often as
// its input says.
func AddClock(e *engine.Engine) error {
	engine.Generates(e.Add(ClockName, engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[int, int, int64]{
		Preprocess: func(_ context.Context, n int) (int, error) { return n, nil },
		Generate: func(ctx context.Context, n int, emit func(...int64) error) (End, error) {
			for range n {
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
					return End{}, context.Cause(ctx)
				}
				if err := emit(time.Now().UnixNano()); err != nil {
					return End{}, err
				}
			}
			return Stopped(), nil
		},
	})
	return nil
}
