// Package gguf converts a Llama-family GGUF file to a model folder that ONNX Runtime can run.
// Import is its only function. See the Example.
//
// The folder has the layout of transformers.js: onnx/model.onnx with its weights in
// onnx/model.onnx_data, tokenizer.json, tokenizer_config.json (with the chat template), config.json
// and generation_config.json. The same file always yields the same bytes.
//
// Weights may be Q4_1, Q4_0, Q8_0, F16 or F32, and keep their precision: four-bit weights of the
// file are four-bit weights of the graph. The tokenizer must be BPE like GPT-2's. Anything else in
// a file is an error that names it, before anything is written. Nothing is approximated, and
// nothing unknown is ignored.
//
// The source files in the order of a conversion: reader.go reads the container, llama.go checks the
// model's parts, blocks.go unpacks quantised blocks, graph.go and decoder.go build the graph,
// onnx.go and weights.go write it, vocabulary.go and settings.go write the JSON files, import.go
// puts the folder in place.
package gguf
