package configs

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// checkSchema returns what is wrong with a struct that a mapping is to be read into, and with the
// structs in it. The reserved keys must not be among its own.
func checkSchema(structure reflect.Type, reserved ...string) error {
	if structure.Kind() != reflect.Struct {
		return fmt.Errorf("%s is not a struct", structure)
	}
	taken := slices.Clone(reserved)
	for i := range structure.NumField() {
		field := structure.Field(i)
		key := field.Tag.Get("yaml")
		var err error
		switch {
		case !field.IsExported():
			err = errors.New("is not exported")
		case key == inline && field.Type.Kind() == reflect.Struct:
			err = checkSchema(field.Type, taken...)
			taken = append(taken, keys(field.Type)...)
		case key == "":
			err = errors.New(`has no key: give it a tag such as yaml:"max_tokens"`)
		case slices.Contains(taken, key):
			err = fmt.Errorf("has the key %q, which is taken", key)
		default:
			err = checkField(field)
		}
		if err != nil {
			return fmt.Errorf("%s.%s %w", structure, field.Name, err)
		}
		taken = append(taken, key)
	}
	return nil
}

// checkField checks a field's tags and type.
func checkField(field reflect.StructField) error {
	t := field.Type
	tagged := t // the type of what the tags min and max hold
	switch {
	case isScalar(t):
		if text := field.Tag.Get("default"); text != "" {
			value := reflect.New(t).Elem()
			if err := parse(scalar{text: text}, value); err != nil {
				return fmt.Errorf("has the default %q, which %w", text, err)
			}
			if value.CanInt() && value.Int() != 0 { // 0 may mean "not given"
				if bound := outOfRange(value.Int(), t, field.Tag); bound != "" {
					return fmt.Errorf("has the default %q, which must be %s", text, bound)
				}
			}
		}
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		tagged = reflect.TypeFor[int]()
	}
	for _, bound := range []string{"min", "max"} {
		text, ok := field.Tag.Lookup(bound)
		if !ok {
			continue
		}
		if !reflect.Zero(tagged).CanInt() {
			return fmt.Errorf("has a %s, which only numbers, sizes, durations, lists and mappings have", bound)
		}
		if err := parse(scalar{text: text}, reflect.New(tagged).Elem()); err != nil {
			return fmt.Errorf("has the %s %q, which %w", bound, text, err)
		}
	}
	for t.Kind() == reflect.Slice && !isScalar(t) {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && isScalar(t.Elem()) {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem() // nil where the file does not have the key
	}
	switch {
	case isScalar(t) && field.Type.Kind() != reflect.Pointer, t == reflect.TypeFor[Model]():
		return nil
	case t.Kind() == reflect.Struct:
		return checkSchema(t)
	}
	return fmt.Errorf("has the type %s, which is none that a value can be read into", field.Type)
}

// isScalar reports whether parse knows the type.
func isScalar(t reflect.Type) bool {
	return t == reflect.TypeFor[bool]() || t == reflect.TypeFor[int]() || t == reflect.TypeFor[string]() ||
		t == reflect.TypeFor[time.Duration]() || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
