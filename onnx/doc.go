// Package onnx runs ONNX models in ONNX Runtime. Open loads the runtime's shared library once for
// the process, Runtime.LoadFile makes a Session of a model, and Session.Run
// computes typed tensors from typed tensors, without copying where the caller provides the memory.
// See the Example.
//
// A run ends within one node of the graph when its context ends, and fails with the context's
// cause. Any number of runs may use one session at a time.
//
// The package has no notion of a model's purpose: no tokens, no images. It never downloads anything
// and runs on the CPU only.
package onnx
