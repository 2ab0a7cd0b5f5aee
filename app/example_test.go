package app_test

import (
	"context"
	"strings"

	"penstock/app"
	"penstock/engine"
	"penstock/kinds"
)

// Penstock with one more kind of model. In penstock.yaml:
//
//	models:
//	  - {name: shout, kind: upper, suffix: "!"}
//
// A client sends POST /v1/models/shout:predict with the JSON text "hello" and gets "HELLO!".
func Example() {
	type options struct {
		Suffix string `yaml:"suffix" default:""`
	}
	upper := app.NewPredictorKind("upper", func(env app.Env, name string, o options) error {
		m := env.Engine.Add(name, engine.Lifecycle{Kind: "upper"})
		engine.Predicts(m, "predict", engine.Predictor[string, string, string, string]{
			Preprocess:  func(_ context.Context, in string) (string, error) { return strings.TrimSpace(in), nil },
			Predict:     func(_ context.Context, in string) (string, error) { return strings.ToUpper(in), nil },
			Postprocess: func(_ context.Context, out string) (string, error) { return out + o.Suffix, nil },
		})
		return nil
	})
	app.Main(append(kinds.All(), upper)...)
}
