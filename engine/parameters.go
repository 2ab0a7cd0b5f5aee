package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"penstock/apierr"
)

// decodeParameters reads parameters into a struct, each into the field that has its name in JSON: a
// list of values into a slice, and one value as the text of a string or else as JSON. Unknown
// parameters are refused.
func decodeParameters[In any](parameters map[string][]string) (v In, err error) {
	fields, ok := fieldTypes(reflect.TypeFor[In]())
	if !ok {
		return v, apierr.InvalidInput("bad_query", "this model's input cannot be a query: POST it as JSON")
	}
	object := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(parameters)) { // so that the same error is reported each time
		field, ok := fields[name]
		if !ok {
			return v, badParameter(name, "there is no such parameter")
		}
		if object[name], err = parameterJSON(field, parameters[name]); err != nil {
			return v, badParameter(name, err.Error())
		}
	}
	text, err := json.Marshal(object)
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(text)).Decode(&v)
	}
	if err != nil {
		return v, apierr.InvalidInput("bad_query", "the query is not the input that is wanted here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return v, nil
}

func badParameter(name, why string) error {
	e := apierr.InvalidInput("bad_query", "parameter %q: %s", name, why)
	e.Param = apierr.Shorten(name)
	return e
}

// parameterJSON returns a parameter's values as the JSON of a field of that type.
func parameterJSON(t reflect.Type, values []string) (json.RawMessage, error) {
	if t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		list := make([]json.RawMessage, len(values))
		for i := range values {
			var err error
			if list[i], err = parameterJSON(t.Elem(), values[i:i+1]); err != nil {
				return nil, err
			}
		}
		return json.Marshal(list)
	}
	if len(values) != 1 {
		return nil, fmt.Errorf("it is given %d times", len(values))
	}
	text := values[0]
	switch {
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("it is not UTF-8")
	case t.Kind() != reflect.String && json.Valid([]byte(text)):
		return json.RawMessage(text), nil
	}
	return json.Marshal(text) // what is wrong with its type is for the decoder to find
}

// fieldTypes returns the types of a struct's fields by their names in JSON; ok is false if t is no
// struct.
func fieldTypes(t reflect.Type) (types map[string]reflect.Type, ok bool) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, false
	}
	types = map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		types[name] = f.Type
		if f.Type.Kind() == reflect.Pointer {
			types[name] = f.Type.Elem()
		}
	}
	return types, true
}
