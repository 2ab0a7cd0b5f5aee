package app

import (
	"slices"
	"testing"

	"penstock/configs"
	"penstock/engine"
)

// Aliases and the default are of every kind: none of them has to do anything for them.
func TestModelsOfAnyKindGetTheirAliases(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	kinds := []Kind{
		NewGeneratorKind("echo", func(env Env, name string, _ struct{}) error {
			env.Engine.Add(name, engine.Lifecycle{Kind: "echo"})
			return nil
		}),
		NewGeneratorKind("nothing", func(Env, string, struct{}) error { return nil }),
	}
	models := []configs.Model{
		{Name: "a", Kind: "echo", Options: struct{}{}, Aliases: []configs.Name{"b", "c:1"}},
		{Name: "d", Kind: "echo", Options: struct{}{}, Default: true},
		{Name: "e", Kind: "nothing", Options: struct{}{}},
	}
	if err := addModels(Env{Engine: e}, models, kinds); err != nil {
		t.Fatal(err)
	}
	a, err := e.Model("c:1")
	if err != nil || a.Name() != "a" || !slices.Equal(a.Aliases(), []string{"b", "c:1"}) {
		t.Errorf("%v, %v", a, err)
	}
	if d, ok := e.Default(); !ok || d.Name() != "d" {
		t.Errorf("the default is %v, %v", d, ok)
	}
	lost := []configs.Model{{Name: "f", Kind: "nothing", Options: struct{}{}, Default: true}}
	if err := addModels(Env{Engine: e}, lost, kinds); err == nil {
		t.Error("a model that its kind has not added is the default")
	}
}
