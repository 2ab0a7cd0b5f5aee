package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
)

// failure is an attempt that failed.
type failure struct {
	outcome Outcome
	action  action
	wait    time.Duration // that the server requested
	status  int           // of the HTTP response; 0: there was none
	err     *apierr.Error // for the client, if no other attempt follows
}

// action is what follows a failure.
type action int

const (
	tryNext    action = iota // use the next server, and not this one again
	retry                    // use the same server once more, then the next
	retryLater               // use the next server, or, if none is free, the same one after failure.wait
	giveUp                   // nothing: the request is at fault, or no longer wanted
)

// Error implements error.
func (f *failure) Error() string { return f.err.Error() }

// health is what the end of an attempt says about the server.
type health int

const (
	healthUnknown health = iota // the client left, or the server limits its rate
	healthy
	unhealthy
)

func (f *failure) health() health {
	switch f.outcome {
	case OutcomeError, OutcomeUnreachable, OutcomeTimeout, OutcomeCut, OutcomeUnauthorized:
		return unhealthy
	case OutcomeRejected, OutcomeDiffers:
		return healthy
	case OutcomeOK, OutcomeResumed, OutcomeRateLimited, OutcomeCanceled:
	}
	return healthUnknown
}

// canceled is the failure of a request that is no longer wanted.
func canceled(cause error) *failure {
	return &failure{outcome: OutcomeCanceled, action: giveUp, err: &apierr.Error{Code: apierr.CodeCanceled, Message: "the request was canceled", Cause: cause}}
}

// cut is the failure of a response that ended early.
func cut(cause error) *failure {
	return &failure{outcome: OutcomeCut, action: retry, err: &apierr.Error{
		Code: apierr.CodeUpstreamCut, Message: "the upstream ended its response before it was complete; try again", Cause: cause,
	}}
}

// malformed is the failure of a response that cannot be used.
func malformed(format string, args ...any) *failure {
	return &failure{outcome: OutcomeError, action: retry, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream sent a malformed response; try again", Cause: fmt.Errorf(format, args...),
	}}
}

// tooLarge is the failure of a whole response that is longer than a model's MaxAnswer.
func tooLarge(limit int64) *failure {
	return &failure{outcome: OutcomeError, action: giveUp, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: fmt.Sprintf("the upstream's response is longer than %d bytes, the most that is passed on", limit),
	}}
}

// over is the failure of a request whose context has ended.
func over(ctx context.Context, t Timeouts) *failure {
	cause := context.Cause(ctx)
	if !errors.Is(cause, errTotal) {
		return canceled(cause)
	}
	f := timedOut(cause, t)
	f.action = giveUp
	return f
}

// timedOut is the failure of a server that took too long.
func timedOut(cause error, t Timeouts) *failure {
	var message string
	switch {
	case errors.Is(cause, errConnect):
		message = fmt.Sprintf("the upstream accepted no connection within %s", t.Connect)
	case errors.Is(cause, errFirstToken):
		message = fmt.Sprintf("the upstream sent no first token within %s", t.FirstToken)
	case errors.Is(cause, errWhole):
		message = fmt.Sprintf("the upstream sent no response within %s", t.Whole)
	case errors.Is(cause, errTotal):
		message = fmt.Sprintf("the upstream sent no complete response within %s", t.Total)
	default:
		message = fmt.Sprintf("the upstream sent nothing for %s in the middle of its response", t.BetweenTokens)
	}
	return &failure{outcome: OutcomeTimeout, action: tryNext, err: &apierr.Error{
		Code: apierr.CodeUpstreamTimeout, Message: message + "; try again later", Cause: cause,
	}}
}

// isTimeout reports whether a watchdog canceled a request because a server took too long.
func isTimeout(cause error) bool {
	return errors.Is(cause, errConnect) || errors.Is(cause, errFirstToken) || errors.Is(cause, errBetweenTokens) ||
		errors.Is(cause, errWhole) || errors.Is(cause, errTotal)
}

// noResponse is the failure of a request that was canceled, or that got no HTTP response.
func noResponse(ctx context.Context, err error, t Timeouts) *failure {
	if cause := context.Cause(ctx); cause != nil {
		if isTimeout(cause) {
			return timedOut(cause, t)
		}
		return canceled(cause)
	}
	kind, connected, permanent := classify(err)
	err = fmt.Errorf("%s: %w", kind, err)
	if connected {
		return cut(err)
	}
	f := &failure{outcome: OutcomeUnreachable, action: retry, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream could not be reached; try again later", Cause: err,
	}}
	if permanent {
		f.action = tryNext
	}
	return f
}
