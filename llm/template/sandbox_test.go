package template

import (
	"context"
	"errors"
	"strings"
	"testing"
)

var hello = []Message{{Role: "user", Content: "hello"}}

func TestNewErrors(t *testing.T) {
	for name, source := range map[string]string{
		"include":   `{% include "/etc/passwd" %}`,
		"import":    `{% import "/etc/passwd" as p %}`,
		"from":      `{% from "/etc/passwd" import p %}`,
		"extends":   `{% extends "/etc/passwd" %}`,
		"repeat":    `{{ 'x' * 1000000000 }}`,
		"power":     `{{ 10 ** 10 }}`,
		"unclosed":  `{% for m in messages %}`,
		"unended":   `{{ messages`,
		"unknown":   `{% frobnicate %}`,
		"too large": strings.Repeat(" ", maxSource+1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(Options{Source: source}); err == nil {
				t.Error("no error")
			} else {
				t.Log(err)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	const double = `{% set ns = namespace(x='0123456789abcdef') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`
	for name, source := range map[string]string{
		"range":              `{% for i in range(1000000000000) %}{% endfor %}`,
		"nested loops":       `{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}`,
		"nested with output": `{% for i in range(10000) %}{% for j in range(10000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}`,
		"captured output":    `{% set x %}{% for i in range(10000) %}{% for j in range(90) %}` + strings.Repeat("x", 1000) + `{% endfor %}{% endfor %}{% endset %}`,
		"doubling text":      double,
		"doubling a list":    strings.ReplaceAll(strings.Replace(double, "'0123456789abcdef'", "[1,2,3,4]", 1), "~", "+"),
		"doubling by loops":  `{% set x = '0123456789abcdef' %}` + strings.Repeat(`{% for x in [x ~ x] %}`, 40) + strings.Repeat(`{% endfor %}`, 40),
		"doubling by macro":  `{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('0123456789abcdef') }}`,
		"recursive macro":    `{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}`,
		"recursive loop":     `{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}`,
		"replace":            `{% set x = 'aaaaaaaaaaaaaaaa' %}` + strings.Repeat(`{% set x = x | replace('a', x) %}`, 6),
		"replace, a method":  `{% set x = 'aaaaaaaaaaaaaaaa' %}` + strings.Repeat(`{% set x = x.replace('a', x) %}`, 6),
		"join":               `{% set x = range(9000) | join('0123456789') %}{% set x = range(9000) | join(x) %}`,
		"join, a method":     `{% set x = '0123456789'.join(range(9000)|map('string')) %}{% set x = x.join(range(9000)|map('string')) %}`,
	} {
		t.Run(name, func(t *testing.T) {
			tpl := parse(t, Options{Source: source})
			parts, err := tpl.Render(context.Background(), hello, now)
			if err == nil {
				t.Errorf("no error, and %d bytes", len(joined(parts)))
			} else {
				t.Log(err)
			}
		})
	}
}

func TestRenderErrors(t *testing.T) {
	for name, source := range map[string]string{
		"unknown filter":       `{{ messages | lipsum }}`,
		"no center":            `{{ 'x' | center(1000000000) }}`,
		"no ljust":             `{{ 'x'.ljust(1000000000) }}`,
		"no format":            `{{ '%1000000000d' | format(1) }}`,
		"division by zero":     `{{ 1 % 0 }}`,
		"an attribute of None": `{{ nothing.at.all }}`,
		"not callable":         `{{ messages() }}`,
		"range of text":        `{{ range('x') }}`,
		"step of zero":         `{{ range(1, 2, 0) }}`,
		"json of macro":        `{% macro f() %}{% endmacro %}{{ f | tojson }}`,
	} {
		t.Run(name, func(t *testing.T) {
			tpl := parse(t, Options{Source: source})
			parts, err := tpl.Render(context.Background(), hello, now)
			if err == nil {
				t.Errorf("no error, but %q", joined(parts))
			} else {
				t.Log(err)
			}
		})
	}
}

func TestRenderEndsWithItsContext(t *testing.T) {
	tpl := parse(t, Options{Source: `{% for m in messages %}{{ m.content }}{% endfor %}`})
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the client disconnected")
	cancel(gone)
	if _, err := tpl.Render(ctx, hello, now); !errors.Is(err, gone) {
		t.Errorf("error %v, want the context's cause", err)
	}
}

func TestRaiseInMacroAndLoop(t *testing.T) {
	tpl := parse(t, Options{Source: `{% macro check(m) %}{% if m.role != 'user' %}{{ raise_exception('no ' + m.role) }}{% endif %}{% endmacro %}` +
		`{% for m in messages %}{{ check(m) }}{% endfor %}`})
	_, err := tpl.Render(context.Background(), []Message{{Role: "user"}, {Role: "critic"}}, now)
	var raised *RaisedError
	if !errors.As(err, &raised) || raised.Message != "no critic" {
		t.Errorf("error %v, want 'no critic' raised", err)
	}
}

func FuzzNew(f *testing.F) {
	for _, source := range []string{
		`{% for m in messages %}{{ m.role | upper }}: {{ m['content'].strip() }}{% endfor %}`,
		`{%- set ns = namespace(a=1) -%}{% set ns.a = ns.a + 1 %}{{ ns.a }}{# note #}`,
		`{% macro f(a, b='x') %}{{ a ~ b }}{% endmacro %}{{ f('y', b=none) }}`,
		`{% if messages[-1].role == 'user' and not false %}{% raw %}{{ }}{% endraw %}{% elif 1 < 2 %}{% else %}{% endif %}`,
		`{{ range(3) | join(', ') }}{{ messages | tojson(indent=1) }}{{ {'a': [1, 2.5, none]} }}`, `{{`, `{% set %}`, `{% for %}`, "{{ '\\",
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, err := New(Options{Source: source, Specials: []string{"<|end|>"}})
		if err == nil {
			tpl.Render(context.Background(), hello, now)
		}
	})
}
