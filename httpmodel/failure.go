package httpmodel

import (
	"context"
	"errors"
	"fmt"

	"penstock/apierr"
	"penstock/failover"
	"penstock/sse"
)

// unwanted is the failure of a response that nothing takes any more, or for which there is no
// memory.
func (x *exchange) unwanted(err error) *failover.Failure {
	if x.ctx.Err() != nil {
		return failover.NoResponse(x.ctx, context.Cause(x.ctx))
	}
	return &failover.Failure{Outcome: failover.OutcomeCanceled, Action: failover.GiveUp, Err: apierr.From(err)}
}

// broken is the failure of a body that could not be read to its end.
func (x *exchange) broken(err error) *failover.Failure {
	if x.ctx.Err() != nil {
		return failover.NoResponse(x.ctx, context.Cause(x.ctx))
	}
	var failure *reported
	var bad *malformed
	switch limit := x.endpoint.model.config.MaxEvent; {
	case errors.As(err, &failure):
		return x.failed(failure.message)
	case errors.As(err, &bad):
		return failover.Malformed("%w", err)
	case errors.Is(err, sse.ErrEventTooLong), errors.Is(err, errLineTooLong):
		return &failover.Failure{Outcome: failover.OutcomeError, Action: failover.GiveUp, Err: &apierr.Error{
			Code: apierr.CodeUpstreamError, Cause: err,
			Message: fmt.Sprintf("a chunk of the upstream is longer than %d bytes, the most that is passed on", limit),
		}}
	}
	if e, ok := errors.AsType[*apierr.Error](err); ok { // no memory
		return x.unwanted(e)
	}
	return failover.Cut(err)
}
