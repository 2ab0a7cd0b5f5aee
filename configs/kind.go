package configs

import (
	"fmt"
	"reflect"
	"slices"
)

// Model is one entry of the list models.
type Model struct {
	Name    Name   // unique among a configuration's models
	Kind    string // the name of its Kind
	Options any    // the entry's other keys: the Kind's struct, as a value
	Aliases []Name // further names of it
	Default bool   // requests that name no model are for it; at most one model is the default
}

// Kind is a kind of model: a value of the key kind, and the struct that a model's other keys are
// read into.
type Kind struct {
	name      string
	generator bool
	streamKey string // the key that makes a model a generator; "": none
	options   reflect.Type
}

// NewKind returns the kind of that name, whose options are read into an O: a struct with tags as
// those in config.go, without the keys name, kind, aliases and default, which every model has. An O
// that is a Checker is checked too. A generator's key postprocess is refused, see
// Options.GeneratorPostprocess.
//
// NewKind panics if O is not such a struct.
func NewKind[O any](name string, generator bool) Kind {
	k := Kind{name: name, generator: generator, options: reflect.TypeFor[O]()}
	if err := checkSchema(k.options, modelKeys()...); err != nil {
		panic(fmt.Sprintf("configs: the options of kind %q: %v", name, err))
	}
	return k
}

// WithStreamKey returns the kind with models that are generators if they have that key.
func (k Kind) WithStreamKey(key string) Kind {
	k.streamKey = key
	return k
}

// generates reports whether a model of the kind is a generator.
func (k Kind) generates(model *node) bool {
	return k.generator || k.streamKey != "" && slices.ContainsFunc(model.entries, func(e entry) bool { return e.key == k.streamKey })
}

// Name returns the kind's name.
func (k Kind) Name() string { return k.name }

// A Checker is a kind's options of which some must fit together. Check calls report for each that
// does not, with its key (fetch.per_host) and what is wrong with it ("must be at most …"). Options
// that could not be read have their defaults then, or are zero, and have been reported already.
type Checker interface {
	Check(report func(key, problem string))
}

// The keys that every model has, whatever its kind.
const (
	nameKey    = "name"
	kindKey    = "kind"
	aliasesKey = "aliases"
	defaultKey = "default"
)

func modelKeys() []string { return []string{kindKey, nameKey, aliasesKey, defaultKey} }

// model reads one model: its name, and the options of its kind.
func (d *decoder) model(n *node, model *Model, c cursor) {
	if n.kind != mapping {
		d.problem(n.at, c.path, "must be a mapping of keys, not %s", n)
		return
	}
	kind, ok := d.kind(n, c)
	if !ok {
		return
	}
	if rule := d.options.GeneratorPostprocess; rule != nil && kind.generates(n) {
		n = d.withoutPostprocess(n, rule)
	}
	c.schema += "." + kind.name
	if d.isUnavailable(c.schema) {
		path := c.path + "." + kindKey
		d.problem(d.positions[path], path, "%s is %s", kind.name, notAvailable)
		return
	}
	given := d.entries(n, c, append(modelKeys(), keys(kind.options)...))
	c.within = n.at
	d.value(given[nameKey], reflect.ValueOf(&model.Name).Elem(), c.key(nameKey, n.at), "")
	d.value(given[aliasesKey], reflect.ValueOf(&model.Aliases).Elem(), c.key(aliasesKey, n.at), `default:"[]" max:"1000"`)
	d.value(given[defaultKey], reflect.ValueOf(&model.Default).Elem(), c.key(defaultKey, n.at), `default:"false"`)
	options := reflect.New(kind.options).Elem()
	d.fields(given, options, c)
	model.Kind, model.Options = kind.name, options.Interface()
}

// withoutPostprocess reports a generator's key postprocess, in the rule's words, and returns the
// mapping without it.
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

// kind reads the key kind.
func (d *decoder) kind(n *node, c cursor) (Kind, bool) {
	var known []string
	for _, kind := range d.options.Kinds {
		known = append(known, kind.name)
	}
	i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key == kindKey })
	if i < 0 {
		d.problem(n.at, c.path+"."+kindKey, "is missing: it is %s", either(known))
		return Kind{}, false
	}
	name := kindName{known: known}
	d.value(n.entries[i].value, reflect.ValueOf(&name).Elem(), c.key(kindKey, n.at), "")
	if name.is == "" {
		return Kind{}, false
	}
	return d.options.Kinds[slices.Index(known, name.is)], true
}

// kindName is the value of a key kind: one of the known names.
type kindName struct {
	is    string
	known []string
}

// UnmarshalText parses a kind's name.
func (k *kindName) UnmarshalText(text []byte) error {
	err := OneOf(string(text), k.known...)
	if err == nil {
		k.is = string(text)
	}
	return err
}
