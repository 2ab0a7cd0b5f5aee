package failover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
)

// Failure is an attempt that failed.
type Failure struct {
	Outcome Outcome
	Action  Action
	Wait    time.Duration // that the server requested
	Status  int           // of the HTTP response; 0: there was none
	Err     *apierr.Error // for the client, if no other attempt follows
}

// Action is what follows a failure.
type Action int

// The actions. The first is that of a Failure without one.
const (
	TryNext    Action = iota // use the next server, and not this one again
	Retry                    // use the same server once more, then the next
	RetryLater               // use the next server, or, if none is free, the same one after Failure.Wait
	GiveUp                   // nothing: the request is at fault, or has been canceled
)

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Canceled is the failure of a request whose response is no longer needed.
func Canceled(cause error) *Failure {
	return &Failure{Outcome: OutcomeCanceled, Action: GiveUp, Err: &apierr.Error{
		Code: apierr.CodeCanceled, Message: "the request was canceled", Cause: cause,
	}}
}

// Cut is the failure of a response that ended early.
func Cut(cause error) *Failure {
	return &Failure{Outcome: OutcomeCut, Action: Retry, Err: &apierr.Error{
		Code: apierr.CodeUpstreamCut, Message: "the upstream ended its response before it was complete; try again", Cause: cause,
	}}
}

// Malformed is the failure of a response that cannot be used. What is wrong with it is for the log.
func Malformed(format string, args ...any) *Failure {
	return &Failure{Outcome: OutcomeError, Action: Retry, Err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream sent a malformed response; try again", Cause: fmt.Errorf(format, args...),
	}}
}

// TooLarge is the failure of a whole response of more bytes than are passed on.
func TooLarge(limit int64) *Failure {
	return &Failure{Outcome: OutcomeError, Action: GiveUp, Err: &apierr.Error{
		Code:    apierr.CodeUpstreamError,
		Message: fmt.Sprintf("the upstream's response is longer than %d bytes, the most that is passed on", limit),
	}}
}

// NoResponse is the failure of a request that its Watchdog or the caller has canceled, ctx being
// the Watchdog's context, or that got no HTTP response because of err.
func NoResponse(ctx context.Context, err error) *Failure {
	if cause := context.Cause(ctx); cause != nil {
		return ended(cause)
	}
	kind, connected, permanent := classify(err)
	err = fmt.Errorf("%s: %w", kind, err)
	if connected {
		return Cut(err)
	}
	f := &Failure{Outcome: OutcomeUnreachable, Action: Retry, Err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream could not be reached; try again later", Cause: err,
	}}
	if permanent {
		f.Action = TryNext
	}
	return f
}

// Broken is the failure of a response whose body could not be read because of err, ctx being the
// Watchdog's context.
func Broken(ctx context.Context, err error) *Failure {
	if cause := context.Cause(ctx); cause != nil {
		return ended(cause)
	}
	return Cut(err)
}

// ended is the failure of a request that was canceled because of cause.
func ended(cause error) *Failure {
	late, ok := errors.AsType[exceeded](cause)
	if !ok || late.Timeout == NoEnd {
		return Canceled(cause)
	}
	f := &Failure{Outcome: OutcomeTimeout, Action: TryNext, Err: &apierr.Error{
		Code: apierr.CodeUpstreamTimeout, Message: late.message() + "; try again later", Cause: cause,
	}}
	if late.Timeout == noTotal {
		f.Action = GiveUp
	}
	return f
}
