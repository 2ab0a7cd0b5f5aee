package dialect

import (
	"encoding/json"
	"fmt"
	"net/http"

	"penstock/apierr"
)

// Error is OpenAI's error object. It is sent as
//
//	{"error":{"message":"…","type":"…","param":null,"code":null}}
//
// with Status as the HTTP status, or as the data of an event once a stream has begun.
type Error struct {
	Status  int    // HTTP status; not part of the JSON
	Message string // for the client: what to do
	Type    string // "invalid_request_error", "server_error", …
	Param   string // the field at fault, as "messages[0].content"; "" is null
	Code    string // "missing_required_parameter", "upstream_cut", …; "" is null
}

// Error implements error.
func (e *Error) Error() string {
	return e.Message
}

// MarshalJSON writes the object with its envelope, {"error":{…}}.
func (e *Error) MarshalJSON() ([]byte, error) {
	type inner struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	nullable := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return json.Marshal(struct {
		Error inner `json:"error"`
	}{inner{e.Message, e.Type, nullable(e.Param), nullable(e.Code)}})
}

// UnmarshalJSON reads the object as servers write it: inside its envelope, without one, or as a
// mere text in the envelope. Members but the message that are no strings, as a code that is a
// number, are kept as they stand.
func (e *Error) UnmarshalJSON(data []byte) error {
	type members struct {
		Message json.RawMessage `json:"message"`
		Type    json.RawMessage `json:"type"`
		Param   json.RawMessage `json:"param"`
		Code    json.RawMessage `json:"code"`

		// As other servers name the message and the code.
		Detail       json.RawMessage `json:"detail"`
		Msg          json.RawMessage `json:"msg"`
		ErrorMsg     json.RawMessage `json:"error_msg"`
		ErrorMessage json.RawMessage `json:"error_message"`
		Status       json.RawMessage `json:"status"`
	}
	var outer struct {
		members
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(unlisted(data), &outer); err != nil {
		return err
	}
	found, inner, text := outer.members, members{}, ""
	switch {
	case json.Unmarshal(outer.Error, &text) == nil: // null, too
	case json.Unmarshal(outer.Error, &inner) == nil:
		found = inner
	}
	for _, message := range []json.RawMessage{found.Message, found.Detail, found.Msg, found.ErrorMsg, found.ErrorMessage, outer.Message, outer.Detail} {
		if text != "" {
			break
		}
		text = messageOf(message)
	}
	if code := loosely(found.Code); code == "" {
		found.Code = found.Status
	}
	e.Message, e.Type, e.Param, e.Code = text, loosely(found.Type), loosely(found.Param), loosely(found.Code)
	return nil
}

// messageOf returns the text of a message: a string, or those of FastAPI's list of what is wrong.
func messageOf(value json.RawMessage) (text string) {
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var list []struct {
		Msg string `json:"msg"`
	}
	_ = json.Unmarshal(value, &list) // another type is no message
	for i, entry := range list {
		if i > 0 && entry.Msg != "" {
			text += "; "
		}
		text += entry.Msg
	}
	return text
}

// loosely reads what should be a string or null, and keeps it as it stands if it is neither.
func loosely(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}

// The types an Error may have, and the codes of the errors made in this package.
const (
	InvalidRequest = "invalid_request_error"
	ServerError    = "server_error"

	codeInvalidJSON  = "invalid_json"
	codeQuota        = "insufficient_quota" // OpenAI's clients look for it in the type, too
	codeInvalidType  = "invalid_type"
	codeInvalidValue = "invalid_value"
	codeMissing      = "missing_required_parameter"
	codeUnknown      = "unknown_parameter"
	codeUnsupported  = "unsupported_parameter"
)

func badRequest(param, code, format string, args ...any) *Error {
	return &Error{
		Status:  http.StatusBadRequest,
		Message: fmt.Sprintf(format, apierr.ShortenAll(args)...),
		Type:    InvalidRequest,
		Param:   apierr.Shorten(param),
		Code:    code,
	}
}

// Unsupported is the error of a parameter that a model does not support. why continues the sentence
// after the parameter's name, as in "'response_format' of type 'json_schema' is not supported with
// this model.", and may be empty.
func Unsupported(param, why string) *Error {
	if why == "" {
		why = "is not supported with this model."
	}
	return badRequest(param, codeUnsupported, "Unsupported parameter: '%s' %s", param, why)
}

// InvalidValue is the error of a parameter whose value has the right type and cannot be used; why
// is a sentence that describes what can.
func InvalidValue(param, why string) *Error {
	return badRequest(param, codeInvalidValue, "Invalid value for '%s': %s", param, why)
}

// ContextLengthExceeded is the error of a prompt of prompt tokens (with the requested tokens, if
// they count) that does not fit into a model's context of limit tokens.
func ContextLengthExceeded(limit, prompt int) *Error {
	return badRequest("messages", "context_length_exceeded",
		"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.", limit, prompt)
}
