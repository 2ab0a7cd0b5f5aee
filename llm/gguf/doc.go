// Package gguf turns a Llama-family GGUF file into a model folder that ONNX
// Runtime can run.
//
//	err := gguf.Import(ctx, "SmolLM2-135M-Instruct.Q4_1.gguf", "models/smollm2")
//
// The folder has the layout of transformers.js: onnx/model.onnx with its weights
// in onnx/model.onnx_data, tokenizer.json, tokenizer_config.json (with the chat
// template), config.json and generation_config.json. The same file makes the same
// bytes, every time.
//
// Weights may be Q4_1, Q4_0, Q8_0, F16 or F32, and keep their precision: what is
// four bits in the file is four bits in the graph. The tokenizer must be BPE of
// GPT-2's kind. Whatever else a file holds is refused by name before anything is
// written; nothing is approximated, and nothing that is not understood is dropped.
//
// From GGUF to ONNX: reader.go reads the container, llama.go says what a model
// must be made of, blocks.go takes quantised blocks apart, graph.go lays out the
// computation, onnx.go and weights.go write it down, vocabulary.go and settings.go
// write the JSON files around it, import.go puts the folder in place.
package gguf
