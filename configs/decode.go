package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// decoder reads a file's tree into the Go types of the schema and collects all problems; it never
// stops at the first.
type decoder struct {
	source      Source
	options     Options
	unavailable []string
	positions   map[string]Position // of the values that were given, by path
	problems    Problems
}

func newDecoder(source Source, options Options, unavailable []string) *decoder {
	if options.Env == nil {
		options.Env = func(string) (string, bool) { return "", false }
	}
	return &decoder{source: source, options: options, unavailable: unavailable, positions: map[string]Position{}}
}

// cursor is where in the tree the decoder is.
type cursor struct {
	path   string   // as messages have it: models[0].fetch.timeout
	schema string   // as the list of unavailable keys has it: models.clip.fetch.timeout
	listed bool     // inside a list, where the environment overrides nothing
	within Position // of the mapping around it
}

func (c cursor) key(key string, within Position) cursor {
	if c.path == "" {
		return cursor{path: key, schema: key, within: within}
	}
	return cursor{path: c.path + "." + key, schema: c.schema + "." + key, listed: c.listed, within: within}
}

func (c cursor) item(i int) cursor {
	return cursor{path: fmt.Sprintf("%s[%d]", c.path, i), schema: c.schema, listed: true, within: c.within}
}

// problem adds a problem whose message begins with a path.
func (d *decoder) problem(at Position, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Position: at, Message: path + " " + fmt.Sprintf(format, args...)})
}

// positionOf returns the position of the first of some values that was given, or of the nearest
// mapping around it if none was.
func (d *decoder) positionOf(paths ...string) Position {
	for _, path := range paths {
		if at, ok := d.positions[path]; ok {
			return at
		}
	}
	for path := paths[0]; strings.Contains(path, "."); {
		path = path[:strings.LastIndexByte(path, '.')]
		if at, ok := d.positions[path]; ok {
			return at
		}
	}
	return Position{File: d.source.Name, Line: 1, Column: 1}
}

func (d *decoder) config(root *node) Config {
	var config Config
	if root.kind != mapping {
		d.problem(root.at, "the file", "must consist of keys (server:, runtime:, streams:, models:, auth:), not %s", root)
		return config
	}
	d.structure(root, reflect.ValueOf(&config).Elem(), cursor{within: root.at})
	return config
}

// value reads n into v; n is nil where the file has no such key.
func (d *decoder) value(n *node, v reflect.Value, c cursor, tag reflect.StructTag) {
	if n != nil && n.kind != nothing {
		d.positions[c.path] = n.at
	}
	_, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch kind := v.Kind(); {
	case n != nil && n.kind == nothing:
		advice := "give it one or leave it out"
		_, optional := tag.Lookup("default")
		isGroup := kind == reflect.Struct && !isText || kind == reflect.Pointer // of keys that have defaults
		if isItem := strings.HasSuffix(c.path, "]"); !optional && !isGroup && !isItem {
			advice = "give it one" // left out, it would be missing
		}
		d.problem(n.at, c.path, "has no value: %s", advice)
	case isText:
		d.scalar(n, v, c, tag)
	case v.Type() == reflect.TypeFor[Model]():
		d.model(n, v.Addr().Interface().(*Model), c)
	case kind == reflect.Struct:
		d.structure(n, v, c)
	case kind == reflect.Slice:
		d.list(n, v, c, tag)
	case kind == reflect.Map:
		d.names(n, v, c, tag)
	case kind == reflect.Pointer:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			d.structure(n, v.Elem(), c)
		}
	default:
		d.scalar(n, v, c, tag)
	}
}

// structure reads a mapping; n is nil where the file has none.
func (d *decoder) structure(n *node, v reflect.Value, c cursor) {
	var given map[string]*node
	if n != nil {
		if n.kind != mapping {
			d.problem(n.at, c.path, "must be a mapping of keys, not %s", n)
			return
		}
		given = d.entries(n, c, keys(v.Type()))
		c.within = n.at
	}
	d.fields(given, v, c)
}

// fields reads the values of a mapping into the fields of a struct.
func (d *decoder) fields(given map[string]*node, v reflect.Value, c cursor) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key := tag.Get("yaml")
		if key == inline {
			d.fields(given, v.Field(i), c)
			continue
		}
		d.value(given[key], v.Field(i), c.key(key, c.within), tag)
	}
}

func keys(structure reflect.Type) []string {
	var names []string
	for i := range structure.NumField() {
		field := structure.Field(i)
		if key := field.Tag.Get("yaml"); key != inline {
			names = append(names, key)
		} else {
			names = append(names, keys(field.Type)...)
		}
	}
	return names
}

// inline is the tag of a struct whose keys are in the mapping around it.
const inline = ",inline"

// entries returns a mapping's values by key, without those that are unknown, doubled or
// unavailable, which it reports.
func (d *decoder) entries(n *node, c cursor, known []string) map[string]*node {
	given := map[string]*node{}
	first := map[string]Position{}
	for _, entry := range n.entries {
		child := c.key(entry.key, n.at)
		add := func(format string, args ...any) {
			d.problems = append(d.problems, Problem{Position: entry.at, Message: fmt.Sprintf(format, args...)})
		}
		if at, doubled := first[entry.key]; doubled {
			add("key %q was given already, in line %d", entry.key, at.Line)
			continue
		}
		first[entry.key] = entry.at
		switch {
		case !slices.Contains(known, entry.key):
			add("unknown key %q%s", withoutPassword(entry.key), didYouMean(entry.key, known))
		case d.isUnavailable(child.schema):
			d.positions[child.path] = entry.at
			add("%s is %s", child.path, notAvailable)
		default:
			given[entry.key] = entry.value
		}
	}
	return given
}

// list reads a list, in which a scalar must not occur twice.
func (d *decoder) list(n *node, v reflect.Value, c cursor, tag reflect.StructTag) {
	if n == nil {
		if _, optional := tag.Lookup("default"); !optional {
			d.problem(c.within, c.path, "is missing")
		}
		return
	}
	if n.kind != list {
		d.problem(n.at, c.path, "must be a list, not %s", n)
		return
	}
	if bound := outOfRange(int64(len(n.items)), reflect.TypeFor[int](), tag); bound != "" {
		d.problem(n.at, c.path, "must have %s entries, not %d", bound, len(n.items))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	first := map[string]int{}
	for i, item := range n.items {
		before := len(d.problems)
		d.value(item, v.Index(i), c.item(i), "")
		if item.kind == mapping || len(d.problems) > before {
			continue
		}
		same := fmt.Sprint(v.Index(i))
		if j, doubled := first[same]; doubled {
			d.problem(item.at, c.item(i).path, "is the same as %s", c.item(j).path)
			continue
		}
		first[same] = i
	}
}
