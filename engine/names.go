package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"penstock/apierr"
)

// wildcard stands for any text in the name of a model that is a pattern.
const wildcard = "*"

// maxMatched is how many bytes a wildcard stands for at most.
const maxMatched = 256

// Matched returns the text that the * of a pattern stands for in a name, if the pattern matches the
// name. The text is never empty, never longer than 256 bytes, and printable: it goes into logs and
// into requests to other servers. It has no *, which no client can have meant, and no part that is
// "." or "..": a server that makes a path of it could find a model of another name. A pattern
// without a * matches nothing.
func Matched(pattern, name string) (text string, ok bool) {
	before, after, ok := strings.Cut(pattern, wildcard)
	if !ok || len(name) < len(before)+len(after) || !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) {
		return "", false
	}
	text = name[len(before) : len(name)-len(after)]
	unfit := func(r rune) bool { return r == '*' || !unicode.IsPrint(r) }
	if text == "" || len(text) > maxMatched || !utf8.ValidString(text) || strings.ContainsFunc(text, unfit) || hasDots(text) {
		return "", false
	}
	return text, true
}

// hasDots reports whether a text has the part . or .., as of a path.
func hasDots(text string) bool {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' })
	return slices.Contains(parts, ".") || slices.Contains(parts, "..")
}

// IsPattern reports whether a model's name is a pattern: it has a *.
func IsPattern(name string) bool { return strings.Contains(name, wildcard) }

// name makes the engine find a model by its name. It panics on a name that is taken or empty: names
// come from a configuration that was checked.
func (e *Engine) name(m *Model, name string) {
	taken := e.byName[name] != nil || slices.ContainsFunc(e.patterns, func(other *Model) bool { return other.name == name })
	if name == "" || taken {
		panic(fmt.Sprintf("engine: model name %q is empty or taken", name))
	}
	if !IsPattern(name) {
		e.byName[name] = m
		return
	}
	e.patterns = append(e.patterns, m)
	slices.SortStableFunc(e.patterns, func(a, b *Model) int { return cmp.Compare(len(b.name), len(a.name)) })
}

// find returns the model that a name is for: the one with that name or alias, which are unique, or
// else the one with the longest pattern that matches the name, the first added of several.
func (e *Engine) find(name string) (*Model, bool) {
	if m, ok := e.byName[name]; ok {
		return m, true
	}
	for _, m := range e.patterns {
		if _, ok := Matched(m.name, name); ok {
			return m, true
		}
	}
	return nil, false
}

// Alias gives a model further names. It panics on a name that is taken, empty or a pattern, and for
// a model whose name is a pattern.
func (e *Engine) Alias(m *Model, aliases ...string) {
	for _, alias := range aliases {
		if IsPattern(alias) || IsPattern(m.name) {
			panic(fmt.Sprintf("engine: alias %q of model %q: neither may be a pattern", alias, m.name))
		}
		e.name(m, alias)
		m.aliases = append(m.aliases, alias)
	}
}

// Aliases returns the model's further names.
func (m *Model) Aliases() []string { return m.aliases }

// List returns the names that can be used of a model whose name is a pattern, as far as they are
// known: more may work. The error says why there are none; both may be empty. For other models it
// returns nothing.
func (m *Model) List(ctx context.Context) ([]string, error) {
	if m.lifecycle.List == nil || !IsPattern(m.name) {
		return nil, nil
	}
	var names []string
	err := guard(func() (err error) { names, err = m.lifecycle.List(ctx); return err })
	if err != nil {
		return nil, apierr.From(err)
	}
	names = slices.Clone(names)
	return slices.DeleteFunc(names, func(name string) bool {
		found, ok := m.engine.find(name)
		return !ok || found != m
	}), nil
}

// SetDefault makes a model the one for requests that name none. It is called before Load, as Add
// is. It panics for a model whose name is a pattern: such a request would name nothing in it.
func (e *Engine) SetDefault(m *Model) {
	if IsPattern(m.name) {
		panic(fmt.Sprintf("engine: model %q cannot be the default: its name is a pattern", m.name))
	}
	e.standard = m
}

// Default returns the model for requests that name none, if there is one.
func (e *Engine) Default() (*Model, bool) { return e.standard, e.standard != nil }
