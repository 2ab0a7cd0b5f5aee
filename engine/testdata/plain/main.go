// Command plain must compile: the same generator without a postprocess step.
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
	})
}
