package apierr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Code names a kind of failure. The set is closed: clients are written against it.
type Code string

// The codes of failures, as clients see them.
const (
	CodeInvalidJSON          Code = "invalid_json"
	CodeInvalidInput         Code = "invalid_input"
	CodeUnauthorized         Code = "unauthorized"
	CodeForbidden            Code = "forbidden"
	CodeModelNotFound        Code = "model_not_found"
	CodeNotFound             Code = "not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeNotAcceptable        Code = "not_acceptable"
	CodeConflict             Code = "conflict"
	CodeGone                 Code = "gone"
	CodeBodyTooLarge         Code = "body_too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeRateLimited          Code = "rate_limited"
	CodeQueueFull            Code = "queue_full"
	CodeQueueTimeout         Code = "queue_timeout"
	CodeModelLoading         Code = "model_loading"
	CodeModelFailed          Code = "model_failed"
	CodeModelUnhealthy       Code = "model_unhealthy"
	CodeDraining             Code = "draining"
	CodeMemoryExhausted      Code = "memory_exhausted"
	CodeBodyTimeout          Code = "body_timeout"
	CodeUpstreamError        Code = "upstream_error"
	CodeUpstreamCut          Code = "upstream_cut"
	CodeUpstreamUnauthorized Code = "upstream_unauthorized"
	CodeUpstreamTimeout      Code = "upstream_timeout"
	CodeLogUnavailable       Code = "log_unavailable"
	CodeAuthUnavailable      Code = "auth_unavailable"
	CodeCanceled             Code = "canceled"
	CodeInternal             Code = "internal"
)

// Error is a failure with a code, a message written for the client, and a cause for the log only.
type Error struct {
	Code       Code
	Reason     string        // tells apart the failures of one code ("not_an_image"); may be empty
	Message    string        // says what to do; holds no path, no address of ours, no stack
	Param      string        // the input field that is wrong, where there is one
	RetryAfter time.Duration // how long to wait before another attempt; 0: retrying does not help, or the delay is unknown
	Cause      error         // for the log; may be nil
	Logged     string        // what logs have in place of Message and Cause, where these quote what may hold a prompt; may be empty
}

// Error returns the code, the message and the cause: it is for logs. Clients are shown Message.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Reason != "" {
		s += "/" + e.Reason
	}
	s += ": " + e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// ForLog returns an error as logs have it: its text or, if an *Error within it has Logged, the code
// and that.
func ForLog(err error) string {
	for e, ok := errors.AsType[*Error](err); ok; e, ok = errors.AsType[*Error](e.Cause) {
		if e.Logged != "" {
			return (&Error{Code: e.Code, Reason: e.Reason, Message: e.Logged}).Error()
		}
	}
	return err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// InvalidInput returns the error for input that can never work. Text among the arguments, which may
// be the client's, is shortened.
func InvalidInput(reason, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidInput, Reason: reason, Message: fmt.Sprintf(format, ShortenAll(args)...)}
}

// longest is how many bytes of a text that a client has sent an error repeats.
const longest = 256

// Shorten returns a text that a client has sent as an error repeats it: of a longer one its first
// 256 bytes, so that no error is as large as the request.
func Shorten(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// ShortenAll returns arguments for a format, with Shorten applied to those that are strings.
func ShortenAll(args []any) []any {
	args = slices.Clone(args)
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			args[i] = Shorten(text)
		}
	}
	return args
}

// From returns the *Error in err, or makes one: the end of a context becomes canceled, anything
// else internal, with a message that reveals nothing of the cause.
func From(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeCanceled, Message: "the request was canceled", Cause: err}
	}
	return &Error{Code: CodeInternal, Message: "something went wrong here; the log knows it by this request's id", Cause: err}
}
