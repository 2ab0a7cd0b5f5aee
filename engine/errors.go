package engine

import (
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
)

// Errors of the engine itself. What leaves the engine is always an *apierr.Error; these can be found in it with errors.Is.
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
		return &apierr.Error{Code: apierr.CodeQueueFull, Message: fmt.Sprintf("all %d permits and %d places in the queue are taken; try again later", c.Permits, c.Queue), RetryAfter: time.Second, Cause: err}
	case errors.Is(err, gate.ErrTimeout):
		return &apierr.Error{Code: apierr.CodeQueueTimeout, Message: fmt.Sprintf("no permit came free within %s; try again later", c.Timeout), RetryAfter: time.Second, Cause: err}
	default:
		return err
	}
}

// canceled turns a context's cause into the error callers see.
func canceled(cause error) *apierr.Error {
	if e, ok := errors.AsType[*apierr.Error](cause); ok {
		return e
	}
	if errors.Is(cause, ErrDraining) {
		return &apierr.Error{Code: apierr.CodeDraining, Message: "the server is going down; try again", RetryAfter: time.Second, Cause: cause}
	}
	return &apierr.Error{Code: apierr.CodeCanceled, Message: "the request was canceled", Cause: cause}
}

// readerError puts what a log says into words for the caller.
func readerError(err error) error {
	if errors.Is(err, ErrGone) {
		return &apierr.Error{Code: apierr.CodeGone, Message: "the stream no longer holds what comes next there; start a new one", Cause: err}
	}
	return err
}
