package app

import (
	"fmt"
	"slices"

	"penstock/configs"
	"penstock/engine"
)

// nameModel gives a model that its kind has added what the configuration has for models of every
// kind: its aliases, and whether it is the default.
func nameModel(e *engine.Engine, c configs.Model) error {
	models := e.Models()
	i := slices.IndexFunc(models, func(m *engine.Model) bool { return m.Name() == string(c.Name) })
	if i < 0 {
		if len(c.Aliases) > 0 || c.Default {
			return fmt.Errorf("kind %s added no model with the name %s, which could have aliases or be the default", c.Kind, c.Name)
		}
		return nil
	}
	for _, alias := range c.Aliases {
		e.Alias(models[i], string(alias))
	}
	if c.Default {
		e.SetDefault(models[i])
	}
	return nil
}
