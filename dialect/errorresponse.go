package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"penstock/apierr"
)

const mediaJSON = "application/json; charset=utf-8"

// ErrorOf returns an error as clients of the native routes see it. A dialect's error about the
// input keeps its text.
func ErrorOf(err error) *apierr.Error {
	if d, ok := errors.AsType[*Error](err); ok && d.Status < http.StatusInternalServerError {
		code := apierr.CodeInvalidInput
		if d.Code == string(apierr.CodeInvalidJSON) {
			code = apierr.CodeInvalidJSON
		}
		reason := d.Code
		if reason == string(code) {
			reason = ""
		}
		return &apierr.Error{Code: code, Reason: reason, Message: d.Message, Param: d.Param, Cause: err}
	}
	return apierr.From(err)
}

// openAIErrorOf returns an error as clients of OpenAI's routes see it.
func openAIErrorOf(err error) *Error {
	if d, ok := errors.AsType[*Error](err); ok {
		return d
	}
	e := apierr.From(err)
	d := &Error{Status: Status(e.Code), Message: e.Message, Param: e.Param, Code: string(e.Code)}
	if e.Reason != "" {
		d.Code = e.Reason
	}
	switch {
	case d.Code == codeQuota:
		d.Type = codeQuota
	case d.Status == http.StatusTooManyRequests:
		d.Type = "rate_limit_error"
	case d.Status == http.StatusUnauthorized:
		d.Type = "authentication_error"
	case d.Status == http.StatusForbidden:
		d.Type = "permission_error"
	case d.Status < http.StatusInternalServerError:
		d.Type = InvalidRequest
	default:
		d.Type = ServerError
	}
	return d
}

// openAIError renders an error for OpenAI's clients. They get an upstream's rejection unchanged.
func openAIError(err error) ErrorResponse {
	if a, ok := errors.AsType[*UpstreamAnswer](err); ok {
		return ErrorResponse{Status: a.Status, Header: a.Header, Body: a.Body}
	}
	e := openAIErrorOf(err)
	r := ErrorResponse{Status: e.Status, Header: map[string][]string{"Content-Type": {mediaJSON}}}
	if own, ok := errors.AsType[*apierr.Error](err); ok {
		r.retryAfter(own)
	}
	r.Body, _ = marshalPlain(e) // strings always encode
	return r
}

// NewErrorResponse returns a failure as an HTTP response whose body is value as JSON.
func NewErrorResponse(e *apierr.Error, value any) ErrorResponse {
	r := ErrorResponse{Status: Status(e.Code), Header: map[string][]string{"Content-Type": {mediaJSON}}}
	if kept, ok := errors.AsType[*UpstreamStatus](e); ok {
		r.Status = kept.Status
	}
	r.retryAfter(e)
	r.Body, _ = marshalPlain(value) // the small structs of errors always encode
	return r
}

func (r *ErrorResponse) retryAfter(e *apierr.Error) {
	if e.RetryAfter > 0 {
		r.Header["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))}
	}
}

// marshalPlain encodes a value as JSON in which text stays readable: no response is ever part of a
// page, so < and > stand for themselves.
func marshalPlain(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("encode the response: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
