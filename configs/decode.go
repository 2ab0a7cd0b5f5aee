package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// decoder walks a file's tree beside the Go types of the schema and gathers
// problems on the way; it never stops at the first.
type decoder struct {
	source      Source
	options     Options
	unavailable []string
	places      map[string]Position // of the values that were given, by path
	problems    Problems
}

func newDecoder(source Source, options Options, unavailable []string) *decoder {
	if options.Env == nil {
		options.Env = func(string) (string, bool) { return "", false }
	}
	return &decoder{source: source, options: options, unavailable: unavailable, places: map[string]Position{}}
}

// spot is where the walk is.
type spot struct {
	path   string // as messages have it: models[0].fetch.timeout
	schema string // as the table of what is unavailable has it: models.clip.fetch.timeout
	listed bool   // inside a list, where the environment overrides nothing
	within Position
}

func (s spot) key(key string, within Position) spot {
	if s.path == "" {
		return spot{path: key, schema: key, within: within}
	}
	return spot{path: s.path + "." + key, schema: s.schema + "." + key, listed: s.listed, within: within}
}

func (s spot) item(i int) spot {
	return spot{path: fmt.Sprintf("%s[%d]", s.path, i), schema: s.schema, listed: true, within: s.within}
}

// problem adds a problem whose message begins with the path of what it is about.
func (d *decoder) problem(at Position, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Position: at, Message: path + " " + fmt.Sprintf(format, args...)})
}

// placeOf returns where the first of some values was given; where none of them
// was, what they stand in.
func (d *decoder) placeOf(paths ...string) Position {
	for _, path := range paths {
		if at, ok := d.places[path]; ok {
			return at
		}
	}
	for path := paths[0]; strings.Contains(path, "."); {
		path = path[:strings.LastIndexByte(path, '.')]
		if at, ok := d.places[path]; ok {
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
	d.structure(root, reflect.ValueOf(&config).Elem(), spot{within: root.at})
	return config
}

// value reads n, which is nil where the file says nothing, into v.
func (d *decoder) value(n *node, v reflect.Value, s spot, tag reflect.StructTag) {
	if n != nil && n.kind != nothing {
		d.places[s.path] = n.at
	}
	_, isText := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch kind := v.Kind(); {
	case n != nil && n.kind == nothing:
		advice := "give it one or leave it out"
		_, optional := tag.Lookup("default")
		isGroup := kind == reflect.Struct && !isText || kind == reflect.Pointer // of keys that have defaults
		if isItem := strings.HasSuffix(s.path, "]"); !optional && !isGroup && !isItem {
			advice = "give it one" // left out, it would be missing
		}
		d.problem(n.at, s.path, "has no value: %s", advice)
	case isText:
		d.scalar(n, v, s, tag)
	case kind == reflect.Struct:
		d.structure(n, v, s)
	case kind == reflect.Slice:
		d.list(n, v, s, tag)
	case kind == reflect.Interface:
		d.model(n, v, s)
	case kind == reflect.Pointer:
		if n != nil {
			v.Set(reflect.New(v.Type().Elem()))
			d.structure(n, v.Elem(), s)
		}
	default:
		d.scalar(n, v, s, tag)
	}
}

// structure reads a mapping. Keys in also are known, but read elsewhere.
func (d *decoder) structure(n *node, v reflect.Value, s spot, also ...string) {
	given := map[string]*node{}
	if n != nil {
		if n.kind != mapping {
			d.problem(n.at, s.path, "must be a mapping of keys, not %s", n)
			return
		}
		given = d.entries(n, s, append(also, keys(v.Type())...))
		s.within = n.at
	}
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		key := tag.Get("yaml")
		d.value(given[key], v.Field(i), s.key(key, s.within), tag)
	}
}

func keys(structure reflect.Type) []string {
	var keys []string
	for i := range structure.NumField() {
		keys = append(keys, structure.Field(i).Tag.Get("yaml"))
	}
	return keys
}

// entries returns a mapping's values by key, without those that are unknown,
// doubled or unavailable.
func (d *decoder) entries(n *node, s spot, known []string) map[string]*node {
	given := map[string]*node{}
	first := map[string]Position{}
	for _, entry := range n.entries {
		child := s.key(entry.key, n.at)
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
			add("unknown key %q%s", entry.key, didYouMean(entry.key, known))
		case d.isUnavailable(child.schema):
			d.places[child.path] = entry.at
			add("%s is %s", child.path, notAvailable)
		default:
			given[entry.key] = entry.value
		}
	}
	return given
}

// list reads a list. Plain values may stand in it only once.
func (d *decoder) list(n *node, v reflect.Value, s spot, tag reflect.StructTag) {
	if n == nil {
		if _, optional := tag.Lookup("default"); !optional {
			d.problem(s.within, s.path, "is missing")
		}
		return
	}
	if n.kind != list {
		d.problem(n.at, s.path, "must be a list, not %s", n)
		return
	}
	if bound := outOfRange(int64(len(n.items)), reflect.TypeFor[int](), tag); bound != "" {
		d.problem(n.at, s.path, "must have %s entries, not %d", bound, len(n.items))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	first := map[string]int{}
	for i, item := range n.items {
		before := len(d.problems)
		d.value(item, v.Index(i), s.item(i), "")
		if item.kind == mapping || len(d.problems) > before {
			continue
		}
		same := fmt.Sprint(v.Index(i))
		if j, doubled := first[same]; doubled {
			d.problem(item.at, s.item(i).path, "is the same as %s", s.item(j).path)
			continue
		}
		first[same] = i
	}
}

// model reads one model, whose kind says into which type.
func (d *decoder) model(n *node, v reflect.Value, s spot) {
	if n.kind != mapping {
		d.problem(n.at, s.path, "must be a mapping of keys, not %s", n)
		return
	}
	kind, ok := d.kind(n, s)
	if !ok {
		return
	}
	if rule := d.options.GeneratorPostprocess; kind.generator && rule != nil {
		n = d.withoutPostprocess(n, rule)
	}
	s.schema += "." + kind.name
	if d.isUnavailable(s.schema) {
		d.problem(d.places[s.path+".kind"], s.path+".kind", "%s is %s", kind.name, notAvailable)
		return
	}
	model := reflect.New(kind.shape).Elem()
	d.structure(n, model, s, "kind")
	if remote, ok := model.Interface().(OpenAIModel); ok {
		remote.derive()
	}
	v.Set(model)
}

// withoutPostprocess reports a generator's postprocess key, in the rule's words,
// and takes it away.
func (d *decoder) withoutPostprocess(n *node, rule error) *node {
	rest := *n
	rest.entries = nil
	for _, entry := range n.entries {
		if entry.key == "postprocess" {
			d.problems = append(d.problems, Problem{Position: entry.at, Message: rule.Error(), cause: rule})
			continue
		}
		rest.entries = append(rest.entries, entry)
	}
	return &rest
}

// kind reads the key that says which kind of model it is.
func (d *decoder) kind(n *node, s spot) (modelKind, bool) {
	i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key == "kind" })
	if i < 0 {
		d.problem(n.at, s.path+".kind", "is missing: it is %s", either(kindNames()))
		return modelKind{}, false
	}
	var name kindName
	d.value(n.entries[i].value, reflect.ValueOf(&name).Elem(), s.key("kind", n.at), "")
	if name == "" {
		return modelKind{}, false
	}
	return modelKinds()[slices.Index(kindNames(), string(name))], true
}
