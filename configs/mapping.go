package configs

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// names reads a mapping whose keys are names of the file's own, such as those of headers.
func (d *decoder) names(n *node, v reflect.Value, c cursor, tag reflect.StructTag) {
	if n == nil {
		if _, optional := tag.Lookup("default"); !optional {
			d.problem(c.within, c.path, "is missing")
		}
		return
	}
	if n.kind != mapping {
		shown := n.String()
		if isSecret(reflect.Zero(v.Type().Elem()).Interface()) && n.kind != list {
			shown = "a single value" // which may hold one
		}
		d.problem(n.at, c.path, "must be a mapping of names to values, not %s", shown)
		return
	}
	if bound := outOfRange(int64(len(n.entries)), reflect.TypeFor[int](), tag); bound != "" {
		d.problem(n.at, c.path, "must have %s entries, not %d", bound, len(n.entries))
		return
	}
	var known []string // all that there are
	for _, entry := range n.entries {
		known = append(known, entry.key)
	}
	v.Set(reflect.MakeMap(v.Type()))
	for name, value := range d.entries(n, c, known) {
		item := reflect.New(v.Type().Elem()).Elem()
		shown := name
		if strings.ContainsFunc(name, unicode.IsControl) {
			shown = strconv.Quote(name) // a message has one line
		}
		d.value(value, item, c.key(shown, n.at), "")
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), item)
	}
}
