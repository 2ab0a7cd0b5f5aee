package strictjson

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind names what is wrong with JSON.
type Kind int

// The kinds of errors. The first two are of data that is not valid JSON, the others of valid JSON
// that does not fit the Go type.
const (
	Syntax          Kind = iota + 1 // not one JSON value in UTF-8; Offset is where it stops being one
	DuplicateMember                 // an object names a member twice; Path leads to it
	UnknownMember                   // a member has no field; Path leads to it, Known lists the others
	WrongType                       // a value is of another type than its field; Want and Got name the two
	OutOfRange                      // a number is too large for its field
	TooMany                         // there are more values than data of that size may have, as Count counts
)

// Error describes what is wrong with JSON.
type Error struct {
	Kind   Kind
	Path   Path     // of the value at fault; empty for the whole
	Offset int64    // of the byte where the fault was found
	Known  []string // UnknownMember: the members there are instead, in the order of the fields
	Want   string   // WrongType: what the field takes, with its article: "a string"
	Got    string   // WrongType: what was found instead: "an integer", "a number" where no more is known
	Cause  error    // the decoder's own error, for the log; nil from Mismatch
}

// Mismatch returns the error of a type that takes values of several types, for its UnmarshalJSON to
// return. want and got are read after "expected" and "got".
func Mismatch(want, got string) *Error {
	return &Error{Kind: WrongType, Want: want, Got: got}
}

// Error describes the error in one line, for developers.
func (e *Error) Error() string {
	switch e.Kind {
	case DuplicateMember:
		return fmt.Sprintf("member %.256q is given twice", e.Path)
	case UnknownMember:
		return fmt.Sprintf("unknown member %.256q", e.Path)
	case OutOfRange:
		return fmt.Sprintf("%.256q: the number is out of range", e.Path)
	case WrongType:
		problem := fmt.Sprintf("expected %s, got %s", e.Want, e.Got)
		if len(e.Path) > 0 {
			return fmt.Sprintf("%.256q: %s", e.Path, problem)
		}
		return problem
	case TooMany:
		return fmt.Sprintf("there are too many values for its size, at byte %d", e.Offset)
	case Syntax:
	}
	return fmt.Sprintf("invalid JSON at byte %d", e.Offset)
}

// Unwrap returns the decoder's own error.
func (e *Error) Unwrap() error { return e.Cause }

// A Path leads from a decoded value to one inside it, by the names of members and the indexes of
// elements.
type Path []string

// Last returns the name or index of the value itself, "" for the whole.
func (p Path) Last() string {
	if len(p) == 0 {
		return ""
	}
	return p[len(p)-1]
}

// String writes the path as JavaScript would, and as OpenAI's errors do: messages[0].content.
// Numbers are taken for indexes, except at the start.
func (p Path) String() string {
	var b strings.Builder
	for _, step := range p {
		if _, err := strconv.ParseUint(step, 10, 32); err == nil && b.Len() > 0 {
			b.WriteString("[" + step + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}
