// Package engine runs models: it lets them in, lets them wait, runs them and carries what they say to whoever listens.
//
// A model has verbs. Each verb is one of two things, and the difference is a type:
//
//   - a Predictor gives one whole result: Preprocess, then Predict, then Postprocess;
//   - a Generator writes as it goes: Preprocess, then Generate, which emits chunks and says how it ended. It has no field
//     for a postprocess step, so a generator with one cannot be written down.
//
// Preprocess and Postprocess run freely; Predict and Generate run holding a permit of the model's gate, which all local
// models share. Before anything else a request is admitted: no more may be inside a gate's door than it has permits and
// places in line.
//
// A model is added, given its verbs, and loaded in the background:
//
//	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 5, Queue: 100, Timeout: 30 * time.Second}})
//	m := e.Add("clip", engine.Lifecycle{Kind: "clip", Load: load, Close: close})
//	predict := engine.Predicts(m, "predict", engine.Predictor[In, Feed, Raw, Out]{Preprocess: …, Predict: …, Postprocess: …})
//	e.Load()
//	out, err := predict.Do(ctx, in)
//
// Who has bytes instead of values goes through the same path: e.Model(name), then Verb(name), Admit, and Call.Predict or
// Call.Start. A generation is a Stream, an append-only log with one producer and any number of readers
// (Stream.Follow, and Stream.Serve for who writes to a connection).
//
// The package knows no HTTP, no ONNX and no OpenAI, imports the standard library only, keeps nothing on disk, and never
// shows an incomplete generation as complete: completion is said by an End, and everything else is a failure with a code.
package engine
