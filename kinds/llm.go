package kinds

import (
	"penstock/app"
	"penstock/configs"
	"penstock/llm/local"
	"penstock/modeldir"
	"penstock/onnx"
)

// LLMOptions are the options of kind onnx-llm: a language model's folder, run here.
type LLMOptions struct {
	Path      configs.Path `yaml:"path"`
	DType     DType        `yaml:"dtype" default:""`                               // absent: the best for a CPU of those there are
	MaxTokens int          `yaml:"max_tokens" default:"512" min:"1" max:"1000000"` // for requests without max_tokens
}

// Summary describes the model in a few words.
func (o LLMOptions) Summary() string { return string(o.Path) }

func addLLM(env app.Env, name string, o LLMOptions) error {
	local.New(local.Options{
		Name: name, Path: string(o.Path), DType: modeldir.DType(o.DType), MaxTokens: o.MaxTokens, ONNX: onnxOptions(env),
	}).Register(env.Engine)
	return nil
}

// onnxOptions are how a local model opens ONNX Runtime.
func onnxOptions(env app.Env) onnx.Options {
	o := env.Runtime.ONNXRuntime
	return onnx.Options{Library: string(o.Library), Threads: o.Threads}
}
