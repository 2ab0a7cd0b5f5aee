// Package kinds holds the kinds of model that Penstock comes with: clip, onnx-llm, openai
// and http.
//
// Each has a file: the struct that a model's keys in penstock.yaml are read into, and a function
// that adds such a model to the engine. What the model does is in the packages clip, llm and
// httpmodel, which know nothing of the configuration.
//
//	app.Main(kinds.All()...)
package kinds

import "penstock/app"

// All returns every kind of this package.
func All() []app.Kind {
	return []app.Kind{
		app.NewPredictorKind("clip", addClip),
		app.NewGeneratorKind("onnx-llm", addLLM),
		app.NewGeneratorKind("openai", addOpenAI),
		app.NewStreamKeyKind("http", "stream", addHTTP),
	}
}
