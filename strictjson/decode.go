package strictjson

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode decodes data, exactly one JSON value, into out. Its error is nil or an *Error; out may
// then have been written in part.
func Decode[T any](data []byte, out *T) error {
	return decode(data, out, json.RejectUnknownMembers(true))
}

// DecodeKnown is Decode for data that may have members that out has no fields for: they are left
// out, but in a type that decodes its own value by Decode.
func DecodeKnown[T any](data []byte, out *T) error { return decode(data, out) }

func decode[T any](data []byte, out *T, o ...json.Options) error {
	if err := Count(data, false); err != nil {
		return err
	}
	if err := json.Unmarshal(data, out, o...); err != nil {
		return newError(err)
	}
	return nil
}

// newError makes an *Error of an error of package json. A type that decodes its own value starts
// counting paths and offsets at that value, so those of all layers are joined.
func newError(err error) *Error {
	var (
		e         = &Error{Cause: err}
		innermost *json.SemanticError
	)
	for layer := err; layer != nil; layer = errors.Unwrap(layer) {
		switch l := layer.(type) { //nolint:errorlint // every layer is examined
		case *Error: // of a nested Decode, or a Mismatch
			e.Path = append(e.Path, l.Path...)
			e.Offset += l.Offset
			e.Kind, e.Known, e.Want, e.Got = l.Kind, l.Known, l.Want, l.Got
			return e
		case *json.SemanticError:
			e.Path = append(e.Path, PathOf(l.JSONPointer)...)
			e.Offset += l.ByteOffset
			innermost = l
		case *jsontext.SyntacticError:
			e.Path = append(e.Path, PathOf(l.JSONPointer)...)
			e.Offset += l.ByteOffset
			if e.Kind = Syntax; errors.Is(l, jsontext.ErrDuplicateName) {
				e.Kind = DuplicateMember
			}
			return e
		}
	}
	switch {
	case innermost == nil:
		e.Kind = Syntax
	case errors.Is(err, json.ErrUnknownName):
		e.Kind, e.Known = UnknownMember, membersOf(innermost.GoType)
	case errors.Is(err, strconv.ErrRange):
		e.Kind = OutOfRange
	default:
		e.Kind, e.Want, e.Got = WrongType, typeName(innermost.GoType), found(innermost)
	}
	return e
}

// PathOf returns the Path that a JSON pointer writes.
func PathOf(pointer jsontext.Pointer) (p Path) {
	for token := range pointer.Tokens() {
		p = append(p, token)
	}
	return p
}

// membersOf lists the members that objects decoded into a struct may have, in the order of its
// fields. Those of embedded structs count as its own.
func membersOf(t reflect.Type) (names []string) {
	t = element(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for field := range t.Fields() {
		tag, hasTag := field.Tag.Lookup("json")
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
		case field.Anonymous && name == "":
			names = append(names, membersOf(field.Type)...)
		case !field.IsExported():
		case hasTag && name != "":
			names = append(names, name)
		default:
			names = append(names, field.Name)
		}
	}
	return names
}

// element is what a pointer points to, or the type itself.
func element(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// typeName names the type of JSON value that a Go type is decoded from.
func typeName(t reflect.Type) string {
	t = element(t)
	if t == nil {
		return "another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a decimal"
	case reflect.Slice, reflect.Array:
		return "an array"
	default:
		return "an object"
	}
}

// found names the type of the value that a Go type could not take.
func found(e *json.SemanticError) string {
	switch {
	case len(e.JSONValue) > 0:
		return TypeOf(e.JSONValue)
	case e.JSONKind == '0': // the decoder does not always keep the value
		return "a number"
	}
	return TypeOf([]byte{byte(e.JSONKind)})
}

// TypeOf names the type of a valid JSON value without leading space, as Error.Got does: "null", "a
// boolean", "a string", "an array", "an object", "an integer" or "a decimal".
func TypeOf(value []byte) string {
	switch value[0] {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	if strings.ContainsAny(string(value), ".eE") {
		return "a decimal"
	}
	return "an integer"
}
