package configs

import (
	"fmt"
	"reflect"
	"slices"
)

// A Patterned is the options of a kind whose models may have a pattern as their name, one model for
// all names that it matches.
type Patterned interface {
	// CheckName reports keys that do not fit the model's name, as Checker.Check does.
	CheckName(name Name, report func(key, problem string))
}

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
			d.problem(d.positionOf(path), path, "is true, as %s is, in line %d: only one model can be the default",
				first, d.positionOf(first).Line)
			continue
		}
		first = path
	}
}

// checkPattern reports what does not fit a model's name, if that is a pattern, or if it is none
// where the kind could have one.
func (d *decoder) checkPattern(model Model, path string) {
	report := func(key, format string, args ...any) {
		d.problem(d.positionOf(path+"."+key), path+"."+key, format, args...)
	}
	patterned, ok := model.Options.(Patterned)
	if ok && model.Name != "" {
		patterned.CheckName(model.Name, func(key, problem string) { report(key, "%s", problem) })
	}
	if model.Name.IsPattern() {
		switch {
		case !ok && model.Kind != "":
			report(nameKey, "must not have a *: a model of kind %s is one model%s", model.Kind, d.patternedKinds())
		case len(model.Aliases) > 0:
			report(aliasesKey, "must not be given to %s, which is many models: give the one that is meant an entry of its own", model.Name)
		case model.Default:
			report(defaultKey, "must not be true for %s, which is many models: give the one that is meant an entry of its own", model.Name)
		}
	}
	for i, alias := range model.Aliases {
		if alias.IsPattern() {
			report(fmt.Sprintf("%s[%d]", aliasesKey, i), "must not have a *: only a model's name can be a pattern, not %q", string(alias))
		}
	}
}

// patternedKinds continues a message with the kinds that may have a pattern.
func (d *decoder) patternedKinds() string {
	var names []string
	for _, kind := range d.options.Kinds {
		if kind.options.Implements(reflect.TypeFor[Patterned]()) {
			names = append(names, kind.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", and only kind " + either(names) + " takes a pattern"
}

// namesOf returns the names of models and their aliases, sorted, as far as they could be read.
func namesOf(models []Model) (names []string) {
	for _, model := range models {
		for _, name := range append([]Name{model.Name}, model.Aliases...) {
			if name != "" {
				names = append(names, string(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// overlap reports whether there is a text that two patterns match, in which * stands for any text,
// also for none.
func overlap(a, b string) bool {
	// ends[j] is whether the part of a so far, and the first j bytes of b, can match the same text.
	ends := make([]bool, len(b)+1)
	ends[0] = true
	for j := range len(b) {
		ends[j+1] = ends[j] && b[j] == '*'
	}
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		next[0] = ends[0] && a[i] == '*'
		for j := range len(b) {
			switch {
			case a[i] == '*' || b[j] == '*': // either may stand for what the other has here, or for nothing
				next[j+1] = ends[j] || ends[j+1] || next[j]
			default:
				next[j+1] = ends[j] && a[i] == b[j]
			}
		}
		ends = next
	}
	return ends[len(b)]
}
