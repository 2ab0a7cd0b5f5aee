package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
)

// Errors of the engine itself. What leaves the engine is always an *apierr.Error; these can be
// found in it with errors.Is.
var (
	// ErrGeneratorPostprocess is the rule for models that come from data and not from code.
	ErrGeneratorPostprocess = errors.New("a generator must not have a postprocess step: do that work while generating, or in the client")
	// ErrNoEnd is the failure of a Generate that returned the zero End and no error.
	ErrNoEnd = errors.New("the generator returned without an end")
	// ErrAbandoned cancels a joined run whose members have all left.
	ErrAbandoned = errors.New("all requests of the run have left")
	// ErrDraining cancels what still runs when the time for draining is up.
	ErrDraining = errors.New("the server is going down")
)

// gateError gives what a gate reports the form that clients see.
func gateError(err error, c GateConfig) error {
	switch {
	case errors.Is(err, gate.ErrFull):
		return &apierr.Error{Code: apierr.CodeQueueFull, Message: fmt.Sprintf("all %d permits and %d places in the queue are taken; try again later", c.Permits, c.Queue), RetryAfter: time.Second, Cause: err}
	case errors.Is(err, gate.ErrShare):
		return &apierr.Error{
			Code: apierr.CodeQueueFull, Reason: "caller_share", RetryAfter: time.Second, Cause: err,
			Message: fmt.Sprintf("your other requests hold all that one caller may have here now (of %d in all %d %% while others want some, and never the last tenth, which is for callers with none); wait for one to end", c.Permits+c.Queue, c.PerCaller),
		}
	case errors.Is(err, gate.ErrTimeout):
		return &apierr.Error{Code: apierr.CodeQueueTimeout, Message: fmt.Sprintf("no permit came free within %s; try again later", c.Timeout), RetryAfter: time.Second, Cause: err}
	default:
		return err
	}
}

// canceled turns a context's cause into the error that clients see.
func canceled(cause error) *apierr.Error {
	if e, ok := errors.AsType[*apierr.Error](cause); ok {
		return e
	}
	if errors.Is(cause, ErrDraining) {
		return draining()
	}
	if cause == nil {
		cause = context.Canceled
	}
	return &apierr.Error{Code: apierr.CodeCanceled, Message: "the request was canceled", Cause: cause}
}

// draining is the failure of requests that a server refuses or ends because it goes down.
func draining() *apierr.Error {
	return &apierr.Error{Code: apierr.CodeDraining, Message: "the server is going down; try again", RetryAfter: time.Second, Cause: ErrDraining}
}
