package dialect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"penstock/strictjson"
)

// parse reads a request's body into out, without the members that out has no fields for. Its error
// is an *Error, worded as OpenAI's are. A null leaves its field as if the member were absent, as it
// does at OpenAI.
func parse[T any](body []byte, out *T) error { return parseError(strictjson.DecodeKnown(body, out)) }

// parseStrictly is parse for a body that may have no other members than out has fields for.
func parseStrictly[T any](body []byte, out *T) error {
	return parseError(strictjson.Decode(body, out))
}

// parseError makes an *Error of an error of package strictjson.
func parseError(err error) error {
	e, ok := errors.AsType[*strictjson.Error](err)
	if !ok {
		return err
	}
	param := e.Path.String()
	switch {
	case e.Kind == strictjson.Syntax:
		return malformed(e.Cause)
	case e.Kind == strictjson.DuplicateMember:
		return doubled(param)
	case e.Kind == strictjson.UnknownMember:
		return unknown(param)
	case e.Kind == strictjson.TooMany:
		return tooManyValues()
	case e.Kind == strictjson.OutOfRange:
		return outOfRange(param)
	case param == "":
		return badRequest("", codeInvalidJSON, "The body of the request must be a JSON object, but it is %s.", e.Got)
	}
	return badRequest(param, codeInvalidType, "Invalid type for '%s': expected %s, but got %s instead.", param, e.Want, e.Got)
}

// doubled is the error of an object that names a member twice.
func doubled(param string) *Error {
	return badRequest(param, codeInvalidJSON, "The body of the request names '%s' twice.", param)
}

// malformed is the error of a body that is not JSON, or that names a member twice.
func malformed(err error) *Error {
	at := ""
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(syntax, jsontext.ErrDuplicateName) {
			return doubled(strictjson.PathOf(syntax.JSONPointer).String())
		}
		at = fmt.Sprintf(" (at byte %d)", syntax.ByteOffset)
	}
	return badRequest("", codeInvalidJSON, "We could not parse the JSON body of your request%s. Send one valid JSON object, in UTF-8.", at)
}

// tooManyValues is the error of a body that would take many times its size to decode.
func tooManyValues() *Error {
	return badRequest("", "too_many_values", "The body of the request has too many values for its size: its lists may have 2,048 entries, and more if an entry has 128 bytes or more.")
}

// outOfRange is the error of a number that no field of its kind can hold.
func outOfRange(param string) *Error {
	return InvalidValue(param, "the number is out of range.")
}

// unknown is the error of an unknown member, which OpenAI words differently at the top and further
// down.
func unknown(param string) *Error {
	if strings.ContainsAny(param, ".[") {
		return badRequest(param, codeUnknown, "Unknown parameter: '%s'.", param)
	}
	return badRequest(param, codeUnknown, "Unrecognized request argument supplied: %s", param)
}

// unmarshalLoosely reads a value whose receiver is another program, which judges it: unknown and
// duplicate members pass.
func unmarshalLoosely[T any](data []byte, out *T) error {
	return json.Unmarshal(data, out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
