// Package engine runs models: it admits requests, queues them for a permit, runs them, and streams
// what they generate.
//
// A model has verbs. Each verb is one of two things, and the difference is a type:
//
//   - a Predictor gives one whole result: Preprocess, then Predict, then Postprocess;
//   - a Generator produces its result as it goes: Preprocess, then Generate, which emits chunks and
//     returns how it ended. It has no field for a postprocess step, so a generator with one cannot
//     be written down.
//
// Preprocess and Postprocess run outside the gate; Predict and Generate run holding a permit of the
// model's gate, which all local models share. Before anything else a request is admitted: a gate
// holds no more requests than it has permits and queue slots.
//
// A model is added, given its verbs, and loaded in the background; a Lifecycle's Watch may report
// that it cannot be used for a while. A request has its name, an alias, or, of a pattern, a name
// that it matches. Callers that know a verb's types use its handle, a Prediction or a Generation;
// callers that have bytes use the Verb and its Call. A Generation either runs to its end in its
// caller (Run) or writes a stream (Start, package stream), encoded by the Encoder of a protocol.
//
// The package has no HTTP, no ONNX and no OpenAI in it, keeps nothing on disk, and never shows an
// incomplete generation as complete: only an End completes one, and everything else is a failure
// with a code.
package engine
