package dialect

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// NativeFields reads the input that Penstock's own routes take for a language model: the
// members of a ChatRequest, in which a string "prompt" may stand for "messages". It is
// the body's JSON object, or, where body is nil, the query, whose parameters are
// converted by their fields' types; a value that does not suit its type stays a string,
// for ParseChatRequest to refuse in its own words. Its error is an *Error.
func NativeFields(body []byte, query url.Values) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if body == nil {
		return fieldsOfQuery(query)
	}
	if err := parse(body, &fields); err != nil {
		return nil, err
	}
	raw, ok := fields["prompt"]
	if !ok {
		return fields, nil
	}
	if _, both := fields["messages"]; both {
		return nil, InvalidValue("prompt", "give 'prompt' or 'messages', not both.")
	}
	if kind := kindOf(raw); kind != "a string" {
		return nil, badRequest("prompt", codeInvalidType, "Invalid type for 'prompt': expected a string, but got %s instead.", kind)
	}
	return fields, nil
}

func fieldsOfQuery(query url.Values) (map[string]json.RawMessage, error) {
	kinds := map[string]reflect.Kind{"prompt": reflect.String}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[ChatRequest]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		kinds[name] = f.Type.Kind()
		if f.Type.Kind() == reflect.Pointer {
			kinds[name] = f.Type.Elem().Kind()
		}
	}
	fields := map[string]json.RawMessage{}
	for name, values := range query {
		kind := kinds[name]
		if kind != reflect.Slice && len(values) > 1 {
			return nil, InvalidValue(name, "it is given more than once.")
		}
		var value any = values[0]
		switch raw := []byte(values[0]); {
		case kind == reflect.Slice && !strings.HasPrefix(values[0], "["):
			value = values
		case kind != reflect.String && json.Valid(raw):
			value = json.RawMessage(raw)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, &Error{Status: http.StatusBadRequest, Type: InvalidRequest, Param: name, Code: codeInvalidValue, Message: "This parameter is not valid UTF-8."}
		}
		fields[name] = encoded
	}
	return fields, nil
}
