package dialect

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads one JSON value into out, strictly: an unknown or doubled member is an
// error, and errors know the place they are at.
func decode[T any](data []byte, out *T) error {
	return json.Unmarshal(data, out, json.RejectUnknownMembers(true))
}

// parse reads a request's body into out and says what is wrong with it in OpenAI's
// words. A null out of place leaves its field as if it had not been given, as it does
// at OpenAI.
func parse[T any](body []byte, out *T) error {
	err := decode(body, out)
	if err == nil {
		return nil
	}
	param, innermost := place(err)
	wrong, isWrong := errors.AsType[*typeError](err)
	_, malformedWithin := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case innermost == nil || malformedWithin:
		return malformed(err)
	case errors.Is(err, json.ErrUnknownName):
		return unknown(param)
	case errors.Is(err, strconv.ErrRange):
		return outOfRange(param)
	case !isWrong:
		wrong = &typeError{want: wanted(innermost.GoType), got: given(innermost)}
	}
	if param == "" {
		return badRequest("", codeInvalidJSON, "The body of the request must be a JSON object, but it is %s.", wrong.got)
	}
	return badRequest(param, codeInvalidType, "Invalid type for '%s': expected %s, but got %s instead.", param, wrong.want, wrong.got)
}

func malformed(err error) *Error {
	where := ""
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		where = fmt.Sprintf(" (at byte %d)", syntax.ByteOffset)
		if errors.Is(syntax, jsontext.ErrDuplicateName) {
			param, _ := place(err)
			return badRequest(param, codeInvalidJSON, "The body of the request names '%s' twice.", param)
		}
	}
	return badRequest("", codeInvalidJSON, "We could not parse the JSON body of your request%s. Send one valid JSON object, in UTF-8.", where)
}

// typeError is a value of the wrong kind, found by a type that takes several.
type typeError struct{ want, got string }

func (e *typeError) Error() string {
	return "expected " + e.want + ", got " + e.got
}

// place joins the JSON pointers of a decoding error's layers, since a type that decodes
// its own value starts counting from there, and writes them as OpenAI does:
// messages[0].content. It returns the innermost layer that is about a value too, nil if
// there is none.
func place(err error) (param string, innermost *json.SemanticError) {
	var pointer jsontext.Pointer
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) { //nolint:errorlint // every layer is looked at in turn
		case *json.SemanticError:
			pointer += e.JSONPointer
			innermost = e
		case *jsontext.SyntacticError:
			pointer += e.JSONPointer
		}
	}
	var b strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil && b.Len() > 0 {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String(), innermost
}

// wanted names what a Go type takes.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "another type"
	}
	names := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "a boolean", reflect.Int: "an integer", reflect.Int64: "an integer", reflect.Float64: "a decimal", reflect.Slice: "an array",
	}
	if name, ok := names[t.Kind()]; ok {
		return name
	}
	return "an object"
}

// given names the kind of value that was found where a type did not fit.
func given(e *json.SemanticError) string {
	switch {
	case len(e.JSONValue) > 0:
		return kindOf(e.JSONValue)
	case e.JSONKind == '0':
		return "a number"
	}
	return kindOf([]byte{byte(e.JSONKind)})
}

// kindOf names the kind of a valid JSON value by its first byte, and tells decimals
// from integers.
func kindOf(value []byte) string {
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

// outOfRange is the answer to a number that no field of its kind can hold.
func outOfRange(param string) *Error {
	return InvalidValue(param, "the number is out of range.")
}

// unknown is the answer to a field nobody knows; OpenAI words it differently at the
// top and further down.
func unknown(param string) *Error {
	if strings.ContainsAny(param, ".[") {
		return badRequest(param, codeUnknown, "Unknown parameter: '%s'.", param)
	}
	return badRequest(param, codeUnknown, "Unrecognized request argument supplied: %s", param)
}

// unmarshalLoosely reads a value somebody else will read again and judge: unknown and
// doubled members pass.
func unmarshalLoosely[T any](data []byte, out *T) error {
	return json.Unmarshal(data, out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
