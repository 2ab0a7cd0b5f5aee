package app

import (
	"log/slog"

	"penstock/configs"
	"penstock/engine"
	"penstock/gateway"
)

// Kind is a kind of model: its name and options in penstock.yaml, and how a model of it is added to
// the engine.
type Kind struct {
	configs.Kind
	add func(Env, configs.Model) error
}

// NewPredictorKind returns a kind whose models give whole results. add is called for each model
// of the configuration that has the kind, before any is loaded: with the model's name and with an O
// that its other keys were read into. It adds the model and its verbs to env.Engine.
//
// O is a struct such as
//
//	type options struct {
//		Path    configs.Path  `yaml:"path"`                                     // required
//		Timeout time.Duration `yaml:"timeout" default:"10s" min:"1ms" max:"1h"` // optional
//	}
//
// If an O has a method Summary() string, penstock check prints the result after the model's name;
// if it is a configs.Checker, it checks keys that must fit together. Only if it is a
// configs.Patterned may a name be a pattern. Aliases and the default need nothing of a kind.
// NewPredictorKind panics if O is not such a struct.
func NewPredictorKind[O any](name string, add func(env Env, name string, options O) error) Kind {
	return newKind(name, false, add)
}

// NewGeneratorKind is NewPredictorKind for a kind whose models stream what they generate. Such a
// model must not have a postprocess step, and a configuration that gives it one is refused.
func NewGeneratorKind[O any](name string, add func(env Env, name string, options O) error) Kind {
	return newKind(name, true, add)
}

// NewStreamKeyKind is NewPredictorKind for a kind whose models stream what they generate if they
// have that key. Such a model must not have a postprocess step either.
func NewStreamKeyKind[O any](name, key string, add func(env Env, name string, options O) error) Kind {
	k := newKind(name, false, add)
	k.Kind = k.WithStreamKey(key)
	return k
}

func newKind[O any](name string, generator bool, add func(Env, string, O) error) Kind {
	return Kind{configs.NewKind[O](name, generator), func(env Env, m configs.Model) error {
		return add(env, string(m.Name), m.Options.(O))
	}}
}

// Env is what a model is added to, and what it may use.
type Env struct {
	Engine    *engine.Engine
	Gate      engine.GateConfig // of the gate that local models share; others may start from it
	Runtime   configs.Runtime   // settings that local models share, such as ONNX Runtime's
	Metrics   *gateway.Metrics
	Log       *slog.Logger
	UserAgent string // for HTTP requests
}
