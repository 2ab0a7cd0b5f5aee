// Package local runs a language model on this machine: an ONNX decoder with a KV cache in a model folder, as `penstock
// import` writes it or as transformers.js has it.
//
//	m := local.New(local.Options{Name: "smollm2", Path: "models/smollm2", MaxTokens: 512})
//	m.Register(e) // adds it to the engine, with the verbs stream, chat and complete
//
// The engine loads it, and calls a verb for each request: Decode checks the request against what this model can do,
// Preprocess makes tokens of it (by the model's own chat template), and Generate runs the graph a token at a time,
// holding the permit: conversation.go keeps the caches, sampler.go chooses tokens, answer.go makes text of them.
//
// Several conversations may run at once; they share the weights and nothing else. A cancelled one ends within one run
// of the graph. The same seed, request and machine give the same text.
//
// The package never fetches anything, and never writes to the model folder.
package local
