// Package onnx runs ONNX models in ONNX Runtime: it opens the runtime's shared
// library once for the process, loads models from files or bytes, and passes
// typed tensors in and out, without copying where the caller brings the memory.
//
//	rt, err := onnx.Open(onnx.Options{})
//	clip, err := rt.LoadFile("vision_model.onnx", onnx.SessionOptions{Name: "clip"})
//	defer clip.Close()
//
//	pixels, err := onnx.NewTensor([]int64{1, 3, 32, 32}, make([]float32, 3*32*32))
//	defer pixels.Close()
//	outputs := make([]*onnx.Tensor, len(clip.Outputs())) // nil: the run makes them
//	err = clip.Run(ctx, []*onnx.Tensor{pixels}, outputs)
//	embedding, err := onnx.Data[float32](outputs[0])
//
// A run ends within one node of the graph when its context ends, and then fails
// with the context's cause. Any number of runs may share one session at a time.
//
// The package knows nothing of what a model is for: no tokens, no pictures. It
// never fetches anything, and never runs on other hardware than the CPU.
package onnx
