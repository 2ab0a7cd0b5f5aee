package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/engine/internal/gate"
)

// Code names a kind of failure. The set is closed: clients are written against it.
type Code string

// The codes of failures, as callers see them.
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
	CodeDraining             Code = "draining"
	CodeUpstreamError        Code = "upstream_error"
	CodeUpstreamCut          Code = "upstream_cut"
	CodeUpstreamUnauthorized Code = "upstream_unauthorized"
	CodeUpstreamTimeout      Code = "upstream_timeout"
	CodeCanceled             Code = "canceled"
	CodeInternal             Code = "internal"
)

// Error is a failure with a code, a message made for the caller, and a cause for the log only.
type Error struct {
	Code       Code
	Reason     string        // tells apart the failures of one code ("not_an_image"); may be empty
	Message    string        // says what to do; holds no path, no address of ours, no stack
	Param      string        // the input field that is wrong, where there is one
	RetryAfter time.Duration // how long to wait before another try; 0: trying again will not help, or nobody knows
	Cause      error         // for the log; may be nil
}

// Error tells the whole story, cause included: it is for logs. Callers are shown Message.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// InvalidInput is the error for input that can never work.
func InvalidInput(reason, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidInput, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// AsError finds the *Error in err, or makes one: a context's end is canceled, anything else internal, whose message says
// nothing of what is inside.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeCanceled, Message: "the request was canceled", Cause: err}
	}
	return &Error{Code: CodeInternal, Message: "something went wrong here; the log knows it by this request's id", Cause: err}
}

// Errors of the engine itself. What leaves the engine is always an *Error; these can be found in it with errors.Is.
var (
	// ErrGeneratorPostprocess is the rule of the house, for models that come from data and not from code.
	ErrGeneratorPostprocess = errors.New("a generator must not have a postprocess step: do that work while generating, or in the client")
	// ErrNoEnd is the failure of a Generate that returned the zero End and no error.
	ErrNoEnd = errors.New("the generator returned without saying how it ended")
	// ErrStreamOver is the cause of the end of a generation's context once Generate has returned.
	ErrStreamOver = errors.New("the generation is over")
	// ErrNobodyReads cancels a stream that its last reader has left.
	ErrNobodyReads = errors.New("nobody reads the stream any more")
	// ErrSlowReader ends a reader for whom too much has been kept.
	ErrSlowReader = errors.New("the reader is too slow")
	// ErrGone says that the log no longer holds what a reader asks for.
	ErrGone = errors.New("the stream no longer holds that event")
	// ErrOver says that the reader has had the stream's terminal event: there is nothing more to come.
	ErrOver = errors.New("the stream is over and wholly read")
	// ErrDraining cancels what still runs when the time for draining is up.
	ErrDraining = errors.New("the server is going down")
)

// gateError puts what a gate says into words for the caller.
func gateError(err error, c GateConfig) error {
	switch {
	case errors.Is(err, gate.ErrFull):
		return &Error{Code: CodeQueueFull, Message: fmt.Sprintf("all %d permits and %d places in the queue are taken; try again later", c.Permits, c.Queue), RetryAfter: time.Second, Cause: err}
	case errors.Is(err, gate.ErrTimeout):
		return &Error{Code: CodeQueueTimeout, Message: fmt.Sprintf("no permit came free within %s; try again later", c.Timeout), RetryAfter: time.Second, Cause: err}
	default:
		return err
	}
}

// canceled turns a context's cause into the error callers see.
func canceled(cause error) *Error {
	if e, ok := errors.AsType[*Error](cause); ok {
		return e
	}
	if errors.Is(cause, ErrDraining) {
		return &Error{Code: CodeDraining, Message: "the server is going down; try again", RetryAfter: time.Second, Cause: cause}
	}
	return &Error{Code: CodeCanceled, Message: "the request was canceled", Cause: cause}
}

// readerError puts what a log says into words for the caller.
func readerError(err error) error {
	if errors.Is(err, ErrGone) {
		return &Error{Code: CodeGone, Message: "the stream no longer holds what comes next there; start a new one", Cause: err}
	}
	return err
}
