package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
)

func TestNamesComeBeforeAliasesBeforeTheLongestPattern(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	for _, name := range []string{"*", "router/*", "router/meta/*", "router/*:free", "llama3.2:1b", "router/meta/one"} {
		e.Add(name, engine.Lifecycle{})
	}
	named := e.Add("gpt", engine.Lifecycle{})
	e.Alias(named, "gpt-4o", "router/meta/alias")
	for name, want := range map[string]string{
		"llama3.2:1b":                "llama3.2:1b",
		"gpt-4o":                     "gpt",
		"router/meta/one":            "router/meta/one",
		"router/meta/alias":          "gpt",
		"router/meta/two":            "router/meta/*",
		"router/meta/two:free":       "router/meta/*", // as long as the other, and before it
		"router/a:free":              "router/*:free",
		"router/a/b:c":               "router/*",
		"router/":                    "*",
		"router/:free":               "router/*",
		"router/*":                   "",
		"router/a\nb":                "",
		"router/a\x00":               "",
		"router/\u202ea":             "",
		"router/..":                  "",
		"router/a/../b":              "",
		"router/./b":                 "",
		`router/a\..\b`:              "",
		"router/a\xff":               "",
		"":                           "",
		strings.Repeat("x", 256):     "*",
		strings.Repeat("x", 257):     "",
		"router/meta/twö and a half": "router/meta/*",
	} {
		m, err := e.Model(name)
		if want == "" {
			if failure := apierr.From(err); err == nil || failure.Code != apierr.CodeModelNotFound {
				t.Errorf("%q: %v, %v", name, m, err)
			}
			continue
		}
		if err != nil || m.Name() != want {
			t.Errorf("%q: %v, %v; want %s", name, m, err, want)
		}
	}
	if got := named.Aliases(); !slices.Equal(got, []string{"gpt-4o", "router/meta/alias"}) {
		t.Errorf("aliases: %q", got)
	}
}

func TestNamesThatAreTakenPanic(t *testing.T) {
	for name, do := range map[string]func(*engine.Engine, *engine.Model){
		"a name":                func(e *engine.Engine, _ *engine.Model) { e.Add("m", engine.Lifecycle{}) },
		"no name":               func(e *engine.Engine, _ *engine.Model) { e.Add("", engine.Lifecycle{}) },
		"an alias as a name":    func(e *engine.Engine, _ *engine.Model) { e.Add("alias", engine.Lifecycle{}) },
		"a pattern":             func(e *engine.Engine, _ *engine.Model) { e.Add("p/*", engine.Lifecycle{}) },
		"a name as an alias":    func(e *engine.Engine, m *engine.Model) { e.Alias(m, "m") },
		"a pattern as an alias": func(e *engine.Engine, m *engine.Model) { e.Alias(m, "q/*") },
		"an alias of a pattern": func(e *engine.Engine, _ *engine.Model) { e.Alias(e.Models()[1], "x") },
		"a default pattern":     func(e *engine.Engine, _ *engine.Model) { e.SetDefault(e.Models()[1]) },
	} {
		t.Run(name, func(t *testing.T) {
			e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
			m := e.Add("m", engine.Lifecycle{})
			e.Add("p/*", engine.Lifecycle{})
			e.Alias(m, "alias")
			defer func() {
				if recover() == nil {
					t.Error("it is accepted")
				}
			}()
			do(e, m)
		})
	}
}

// A list has only names that lead to the model.
func TestAListHasTheNamesOfItsModelOnly(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	list := []string{"p/a", "p/q/b", "p/own", "other", "p/"}
	m := e.Add("p/*", engine.Lifecycle{List: func(context.Context) ([]string, error) { return list, nil }})
	e.Add("p/own", engine.Lifecycle{})
	e.Add("p/q/*", engine.Lifecycle{List: func(context.Context) ([]string, error) { panic("on purpose") }})
	got, err := m.List(t.Context())
	if err != nil || !slices.Equal(got, []string{"p/a"}) || len(list) != 5 {
		t.Errorf("%q, %v; the source is %q", got, err, list)
	}
	if got, err := e.Models()[1].List(t.Context()); got != nil || err != nil {
		t.Errorf("a model of one name lists %q, %v", got, err)
	}
	var failure *apierr.Error
	if got, err := e.Models()[2].List(t.Context()); got != nil || !errors.As(err, &failure) {
		t.Errorf("a list that panics: %q, %v", got, err)
	}
}

func TestTheDefaultIsTheModelThatWasSet(t *testing.T) {
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	e.Add("a", engine.Lifecycle{})
	if m, ok := e.Default(); ok {
		t.Errorf("without one it is %v", m)
	}
	b := e.Add("b", engine.Lifecycle{})
	e.SetDefault(b)
	if m, ok := e.Default(); !ok || m != b {
		t.Errorf("it is %v, %v", m, ok)
	}
}
