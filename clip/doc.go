// Package clip predicts which of some labels a picture shows, with a CLIP model, or one of its
// family (SigLIP, Chinese-CLIP, AltCLIP, MobileCLIP; family.go), from a folder in Hugging Face's
// layout:
//
//	config.json, preprocessor_config.json, tokenizer.json
//	onnx/vision_model.onnx and onnx/text_model.onnx, or onnx/model.onnx for both in one
//
// or in another one that package modeldir knows: those of Immich and open_clip, or with a folder
// for each tower (Options.TextPath).
//
// New makes a Model without reading any file; Register adds it to an engine, which loads it and
// runs its verbs:
//
//	m := clip.New(clip.Options{Name: "clip", Path: "models/clip-tiny", Labels: labels})
//	predict := m.Register(e)
//	<-e.Load(ctx)
//	call, err := predict.Admit(engine.Caller{})
//	result, err := predict.Do(ctx, call, clip.Request{Pictures: []clip.Picture{{URL: url}}})
//
// Preprocessing fetches pictures (package fetch), decodes and resizes them (package
// internal/pixels), outside the gate. What all requests together may use for that, of memory, cores
// and connections, is bounded (package internal/limit; limits.go lists the limits). Under the
// permit runs the vision tower, once for the pictures of all joined requests (Options.Batch), and
// the text tower for sets of labels that are not in the cache. Postprocessing computes the softmax,
// or for a SigLIP the sigmoid, and selects the best labels.
//
// Callers with bytes send JSON, multipart forms, or a picture as it is; an error about them has a
// reason. They have three more verbs: embed, for texts and pictures in OpenAI's dialect; rank,
// which orders up to 1,000 texts and pictures by the cosines of their embeddings and a query's, in
// parts that are requests for embeddings; and infer, which is the model in the tensors of the Open
// Inference Protocol. The model describes the inputs and outputs of infer without being run.
//
// The package trains nothing, downloads no model, and keeps no picture but those whose servers
// allow shared caches to keep them.
package clip
