// Command postprocess must not compile: a generator has no postprocess step.
package main

import (
	"context"

	"penstock/engine"
)

func main() {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	m := e.Add("writer", engine.Lifecycle{})
	engine.Generates(m, "stream", engine.Generator[string, string, string]{
		Preprocess: func(_ context.Context, in string) (string, error) { return in, nil },
		Generate: func(context.Context, string, func(...string) error) (engine.End, error) {
			return engine.Stopped(engine.Usage{}), nil
		},
		Postprocess: func(_ context.Context, s string) (string, error) { return s, nil },
	})
}
