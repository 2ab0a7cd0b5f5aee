package engine

import "fmt"

// Alias gives a model further names. It panics on a name that is taken or empty: names come from a
// configuration that was checked.
func (e *Engine) Alias(m *Model, aliases ...string) {
	for _, alias := range aliases {
		if alias == "" || e.byName[alias] != nil {
			panic(fmt.Sprintf("engine: alias %q of model %q is empty or taken", alias, m.name))
		}
		e.byName[alias] = m
		m.aliases = append(m.aliases, alias)
	}
}

// Aliases returns the model's further names.
func (m *Model) Aliases() []string { return m.aliases }

// SetDefault makes a model the one for requests that name none. It is called before Load, as Add
// is.
func (e *Engine) SetDefault(m *Model) { e.standard = m }

// Default returns the model for requests that name none, if there is one.
func (e *Engine) Default() (*Model, bool) { return e.standard, e.standard != nil }
