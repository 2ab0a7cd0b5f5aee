package dialect

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"penstock/strictjson"

	"github.com/go-json-experiment/json/jsontext"
)

// NativeFields reads the input that Penstock's own routes take for a language model: the members of
// a ChatRequest, in which a string "prompt" may stand for "messages". It is the body's JSON object,
// or, where body is nil, the query, whose parameters are converted by their fields' types; a value
// that does not suit its type stays a string, and ParseChatRequest refuses it. Its error is an
// *Error.
func NativeFields(body []byte, query url.Values) (fields map[string]json.RawMessage, err error) {
	if body == nil {
		fields, err = fieldsOfQuery(query)
	} else {
		fields, err = fieldsOfBody(body)
	}
	if err != nil {
		return nil, err
	}
	raw, ok := fields["prompt"]
	if !ok {
		return fields, nil
	}
	if _, both := fields["messages"]; both {
		return nil, InvalidValue("prompt", "give 'prompt' or 'messages', not both.")
	}
	if kind := strictjson.TypeOf(raw); kind != "a string" {
		return nil, badRequest("prompt", codeInvalidType, "Invalid type for 'prompt': expected a string, but got %s instead.", kind)
	}
	return fields, nil
}

// fieldsOfBody returns the members of a body, without a copy.
func fieldsOfBody(body []byte) (map[string]json.RawMessage, error) {
	if strictjson.Count(body, false) != nil {
		return nil, tooManyValues()
	}
	fields := map[string]json.RawMessage{}
	err := visitMembers(body, func(name string, value jsontext.Value, end int64) error {
		fields[name] = body[int(end)-len(value) : end : end]
		return nil
	})
	return fields, err
}

func fieldsOfQuery(query url.Values) (map[string]json.RawMessage, error) {
	kinds := kindsOfFields()
	fields := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(query)) { // of several mistakes the same one is reported each time
		kind, values := kinds[name], query[name]
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }) {
			return nil, InvalidValue(name, "it is not UTF-8.")
		}
		// A list comes once, as JSON, or an entry at a time, as text: "[INST]" is one.
		if len(values) > 1 && (kind != reflect.Slice || slices.ContainsFunc(values, isList)) {
			return nil, InvalidValue(name, "it is given more than once.")
		}
		switch raw := jsontext.Value(values[0]); {
		case kind == reflect.Slice && !isList(values[0]):
			fields[name], _ = json.Marshal(values) // always encodes, as below
		case kind != reflect.String && raw.IsValid():
			fields[name] = json.RawMessage(raw)
		default:
			fields[name], _ = json.Marshal(values[0])
		}
	}
	return fields, nil
}

// isList reports whether a parameter is a list as JSON.
func isList(value string) bool {
	return strings.HasPrefix(value, "[") && jsontext.Value(value).IsValid()
}

// kindsOfFields returns the kind of value of each field, by its name in JSON. Finding it out takes
// many allocations, and each request with a query needs it.
var kindsOfFields = sync.OnceValue(func() map[string]reflect.Kind {
	kinds := map[string]reflect.Kind{"prompt": reflect.String}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ChatRequest]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Type == reflect.TypeFor[json.RawMessage](): // takes anything, although it is a slice
			kinds[name] = reflect.Interface
		case f.Type.Kind() == reflect.Pointer:
			kinds[name] = f.Type.Elem().Kind()
		default:
			kinds[name] = f.Type.Kind()
		}
	}
	return kinds
})
