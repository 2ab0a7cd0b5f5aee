package configs

import (
	"bytes"
	"reflect"
)

// ParseKeys parses a file of keys: a list as auth.keys is, in YAML or JSON, which may be empty.
// models are those that the keys may name. An error is always of type Problems.
func ParseKeys(source Source, models []Model) ([]Key, error) {
	if len(bytes.TrimSpace(source.Text)) == 0 {
		return nil, Problems{{
			Position: Position{File: source.Name, Line: 1, Column: 1},
			Message:  "the file is empty: it must be a list of keys as auth.keys is, or [] for none",
		}}
	}
	root, problems := parseTree(source)
	if problems != nil {
		problems.sort()
		return nil, problems
	}
	const path = "keys" // in messages: keys[3].name
	d := newDecoder(source, Options{}, nil)
	var keys []Key
	d.value(root, reflect.ValueOf(&keys).Elem(), cursor{path: path, schema: path, within: root.at}, "")
	d.checkKeys(keys, namesOf(models), path)
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	return keys, nil
}
