package dialect

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"penstock/strictjson"

	"github.com/go-json-experiment/json/jsontext"
)

// peeked is what a gateway needs of a request that it passes on unchanged.
type peeked struct {
	Model   string // "" if the request names none
	Stream  bool
	N       int // how many completions of each prompt are requested; at least 1
	Prompts int // how many there are, of a text completion; at least 1

	IncludeUsage bool // of a stream
}

// peekedNames are the members that peekRequest and Expectation read.
var peekedNames = [...]string{
	"model", "stream", "n", "stream_options", "prompt",
	"max_tokens", "max_completion_tokens", "max_output_tokens", "best_of",
}

// peekRequest reads the few top-level members of a request that peeked has, and checks that the
// whole is one JSON object; nothing else is looked at. A request that its receiver could read
// differently is refused: an object that names a member twice, of which JSON parsers take either,
// and a name that differs from one of peekedNames by its case only, which some take for the same.
// It returns the Body of the request too. Its error is an *Error.
func peekRequest(request []byte) (peeked, Body, error) {
	p := peeked{N: 1, Prompts: 1}
	if strictjson.CountMembers(request) != nil {
		return p, Body{}, tooManyValues()
	}
	b := newBody(request)
	err := members(request, func(name string, value jsontext.Value, end int64) error {
		switch name {
		case "model":
			b.cut(int(end)-len(value), int(end))
			return peek(name, value, '"', &p.Model)
		case "stream":
			return peek(name, value, 't', &p.Stream)
		case "n":
			var n int
			if err := peek(name, value, '0', &n); err != nil {
				return err
			}
			p.N = min(max(1, n), maxExpected) // its product with Prompts must not overflow
		case "stream_options":
			var options StreamOptions
			if unmarshalLoosely(value, &options) == nil { // the receiver checks anything else
				p.IncludeUsage = options.IncludeUsage
			}
			b.ask(int(end)-len(value), int(end))
		case "prompt":
			p.Prompts = max(1, prompts(value))
		default:
			for _, known := range peekedNames {
				if name != known && strings.EqualFold(name, known) {
					return badRequest(name, codeUnknown, "Unrecognized request argument supplied: %s. It is '%s'.", name, known)
				}
			}
		}
		return nil
	})
	return p, b, err
}

// prompts counts what a list of prompts holds: texts, or lists of tokens. A list of tokens is one
// prompt, and so is anything else: the receiver checks it.
func prompts(value jsontext.Value) (n int) {
	d := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '[' {
		return 1
	}
	if _, err := d.ReadToken(); err != nil {
		return 1
	}
	for d.PeekKind() == '"' || d.PeekKind() == '[' {
		if d.SkipValue() != nil {
			return n
		}
		n++
	}
	return n
}

// peek reads value into out if it is of the kind wanted; null leaves out at its zero value.
func peek[T any](name string, value jsontext.Value, want jsontext.Kind, out *T) error {
	kind := value.Kind()
	if kind == 'f' {
		kind = 't'
	}
	*out = *new(T)
	if kind == 'n' {
		return nil
	}
	if kind == want {
		switch err := unmarshalLoosely(value, out); {
		case err == nil:
			return nil
		case errors.Is(err, strconv.ErrRange):
			return outOfRange(name)
		}
	}
	wants := map[jsontext.Kind]string{'"': "a string", 't': "a boolean", '0': "an integer"}
	return badRequest(name, codeInvalidType, "Invalid type for '%s': expected %s, but got %s instead.", name, wants[want], strictjson.TypeOf(value))
}

// members calls visit for each member of the JSON object that body must be, with the member's value
// and the offset of its end. Everything is checked for syntax and for doubled members, and nothing
// but names is decoded. What is not UTF-8 passes.
func members(body []byte, visit func(name string, value jsontext.Value, end int64) error) error {
	return visitMembers(body, visit, jsontext.AllowInvalidUTF8(true))
}

// visitMembers is members with the decoder's options.
func visitMembers(body []byte, visit func(name string, value jsontext.Value, end int64) error, o ...jsontext.Options) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), o...)
	if d.PeekKind() != '{' { // a guess from the first byte: "--boundary" would be a number
		value, err := d.ReadValue()
		if err != nil {
			return malformed(err)
		}
		return badRequest("", codeInvalidJSON, "The body of the request must be a JSON object, but it is %s.", strictjson.TypeOf(value))
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed(err)
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return malformed(err)
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return malformed(err)
		}
		if err := visit(name, value, d.InputOffset()); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return malformed(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return malformed(err)
	}
	return nil
}
