// Package clip answers which of some labels a picture shows, with a CLIP model from a folder in
// Hugging Face's layout:
//
//	config.json, preprocessor_config.json, tokenizer.json
//	onnx/vision_model.onnx and onnx/text_model.onnx, or onnx/model.onnx for both in one
//
// A Model is made without touching anything, and given to the engine, which loads it and runs its
// verbs:
//
//	m := clip.New(clip.Options{Name: "clip", Path: "models/clip-tiny", Labels: []string{"a cat", "a dog"}})
//	predict := m.Register(e)
//	<-e.Load(ctx)
//	result, err := predict.Do(ctx, clip.Request{Pictures: []clip.Picture{{URL: "https://example.com/cat.jpg"}}})
//
// Preprocessing fetches pictures (package fetch), decodes and resizes them (package
// internal/pixels), outside the gate. Under the permit runs the vision tower, once for the pictures
// of all requests that waited together (Options.Batch), and, the first time a set of labels is
// asked for, the text tower. Then come the softmax and the choice of the best labels.
//
// Callers with bytes send JSON, multipart forms, or a picture as it is; what is wrong with them is
// said with a reason. They have more verbs: embed, for texts and pictures in OpenAI's dialect, and
// infer, which is the model in the tensors of the Open Inference Protocol; what infer takes and
// gives, the model describes without being run.
//
// The package trains nothing, downloads no model, and keeps no picture but those whose servers let
// everybody keep them.
package clip
