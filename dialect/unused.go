package dialect

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxUnused     = 64  // names that are kept of one request
	maxUnusedName = 128 // bytes of each
)

// forms are members, not OpenAI's, by which other servers let a request decide what a completion
// looks like or where it ends. A model that ignored one would return something else than the
// client has to rely on, so they are Other parameters, unless their value requests nothing.
var forms = [...]string{
	"guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs",
	"grammar", "json_schema", "regex", "ebnf",
	"stop_token_ids", "bad_words", "allowed_token_ids",
	"best_of", "echo", "use_beam_search", "prompt_logprobs",
	"chat_template", "documents", "continue_final_message",
}

// unused returns what a request, an object, has that T has no field for: the names of such members
// at any depth, each once, and the forms among them apart. Elements of lists have no numbers, as
// in messages[].cache_control. A null counts as if it were absent. Members that have a field but no
// use can be listed.
func unused[T any](request []byte, listed ...string) (names []string, other []OtherParameter) {
	u := &unusedNames{listed: listed, decoder: jsontext.NewDecoder(bytes.NewBuffer(request))}
	u.value(reflect.TypeFor[T](), "")
	return u.names, u.other
}

// unusedNames reads a request once. Its syntax has been checked: an error ends the reading.
type unusedNames struct {
	decoder *jsontext.Decoder
	listed  []string
	names   []string
	other   []OtherParameter
}

// value reads a value that a field of the type would take.
func (u *unusedNames) value(t reflect.Type, at string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := u.decoder.PeekKind()
	if kind == '[' {
		if element := elementOf(t); element != nil {
			u.list(element, at+"[]")
			return
		}
	}
	if kind == '{' && t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		u.object(t, at)
		return
	}
	_ = u.decoder.SkipValue()
}

// elementOf returns the type of the objects in a list that a type is decoded from, nil if there are
// none.
func elementOf(t reflect.Type) reflect.Type {
	switch {
	case t == reflect.TypeFor[Content]():
		return reflect.TypeFor[Part]()
	case t == reflect.TypeFor[ResponseInput]():
		return reflect.TypeFor[ResponseInputItem]()
	case t == reflect.TypeFor[ResponseContent]():
		return reflect.TypeFor[ResponseInputPart]()
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return t.Elem()
	}
	return nil
}

func (u *unusedNames) list(element reflect.Type, at string) {
	_, _ = u.decoder.ReadToken()
	for u.decoder.PeekKind() == '{' || u.decoder.PeekKind() == '"' {
		u.value(element, at)
	}
	u.leave()
}

func (u *unusedNames) object(t reflect.Type, at string) {
	if at != "" {
		at += "."
	}
	fields := fieldsOf(t)
	_, _ = u.decoder.ReadToken()
	for u.decoder.PeekKind() == '"' {
		token, err := u.decoder.ReadToken()
		if err != nil {
			return
		}
		name := token.String()
		field, known := fields[name]
		known = known && !slices.Contains(u.listed, at+name)
		if known {
			u.value(field, at+name)
			continue
		}
		value, err := u.decoder.ReadValue()
		if err != nil {
			return
		}
		u.note(at+name, value)
	}
	u.leave()
}

// leave reads the end of a list or an object, and what is left of a list of mixed values.
func (u *unusedNames) leave() {
	for kind := u.decoder.PeekKind(); kind != ']' && kind != '}' && kind != 0; kind = u.decoder.PeekKind() {
		if u.decoder.SkipValue() != nil {
			return
		}
	}
	_, _ = u.decoder.ReadToken()
}

// note records a member without a use.
func (u *unusedNames) note(name string, value jsontext.Value) {
	switch {
	case value.Kind() == 'n':
	case slices.Contains(forms[:], name):
		if !requestsNothing(name, value) {
			u.other = append(u.other, OtherParameter{Name: name, Value: bytes.Clone(value)})
		}
	case len(u.names) < maxUnused:
		if len(name) > maxUnusedName {
			name = strings.ToValidUTF8(name[:maxUnusedName], "")
		}
		if !slices.Contains(u.names, name) {
			u.names = append(u.names, name)
		}
	}
}

// requestsNothing reports whether a form's value is one that leaves a completion as it is.
func requestsNothing(name string, value jsontext.Value) bool {
	switch value.Kind() {
	case 'f':
		return true
	case '"':
		return len(value) == len(`""`)
	case '[', '{':
		return len(bytes.Trim(value, "[{ \t\r\n}]")) == 0
	case '0':
		return string(value) == "0" && name != "prompt_logprobs" || string(value) == "1" && name == "best_of"
	default:
		return false
	}
}

// fieldsOf returns the types of a struct's fields by their names in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && f.IsExported() && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}
