package configs

import (
	"fmt"
	"slices"
)

// checkNames reports names and aliases that models share; seen has the path of each one's first
// occurrence.
func (d *decoder) checkNames(seen map[Name]string, model Model, path string) {
	d.checkName(seen, model.Name, path+"."+nameKey)
	for i, alias := range model.Aliases {
		if slices.Contains(model.Aliases[:i], alias) {
			continue // a list that has a text twice has been reported
		}
		d.checkName(seen, alias, fmt.Sprintf("%s.%s[%d]", path, aliasesKey, i))
	}
}

func (d *decoder) checkName(seen map[Name]string, name Name, path string) {
	if name == "" {
		return // it could not be read
	}
	if first, doubled := seen[name]; doubled {
		d.problem(d.positionOf(path), path, "is the same as %s, in line %d", first, d.positionOf(first).Line)
		return
	}
	seen[name] = path
}

// checkDefault reports models besides the first that are the default.
func (d *decoder) checkDefault(models []Model) {
	first := ""
	for i, model := range models {
		if !model.Default {
			continue
		}
		path := fmt.Sprintf("models[%d].%s", i, defaultKey)
		if first != "" {
			d.problem(d.positionOf(path), path, "is true, as %s is, in line %d: only one model can be the default", first, d.positionOf(first).Line)
			continue
		}
		first = path
	}
}
