// Package local runs a language model on this machine: an ONNX decoder with a KV cache in a model
// folder, as `penstock import` or transformers.js lays it out. A Model registers itself with an
// engine, which loads it and runs its one verb:
//
//	generate: engine.Generation[*dialect.Request, dialect.Delta]
//
// Check rejects what this model cannot do, before a request is queued. Preprocess converts the
// prompt to tokens, with the model's own chat template. Generate holds the permit while it runs the
// graph once for each token: sequence.go keeps the caches, sampler.go chooses tokens, text.go makes
// text of them.
//
// Several completions may be generated at once; they share the weights and nothing else. A canceled
// one ends within one run of the graph. The same seed, request and machine give the same text.
//
// The package knows no protocol: requests come as parameters and completions leave as deltas, which
// the codecs of package dialect read and write. It never fetches anything, and never writes to the
// model folder.
package local
