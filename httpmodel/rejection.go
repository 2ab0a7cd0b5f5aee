package httpmodel

import (
	"cmp"
	"fmt"
	"io"
	"net/http"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/failover"
	"penstock/outbound"
)

// maxRejection is how many bytes of the body of an error response are read.
const maxRejection = 1 << 20

// reasonRejected is the reason of errors whose status and message are the server's own.
const reasonRejected = "upstream_rejected"

// rejected is the failure of a response whose status is not a success. Its body has as long as that
// of a success.
func (x *exchange) rejected() *failover.Failure {
	status := x.head.StatusCode
	body, err := io.ReadAll(io.LimitReader(x.body, maxRejection))
	if err != nil {
		return x.broken(fmt.Errorf("read the body of a %d: %w", status, err))
	}
	message := x.redacted(messageOf(body))
	f := failover.Rejected(status, x.head.Header)
	switch {
	case f.Outcome == failover.OutcomeRateLimited:
		x.keep(f.Err, "the upstream takes no more requests at present", message)
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && len(x.server.out.Secrets()) > 0:
		return x.unauthorized(message)
	case f.Outcome == failover.OutcomeRejected:
		f.Err.Code = codeOf(status)
		x.keep(f.Err, fmt.Sprintf("the upstream rejected the request with status %d", status), message)
	case status < 400:
		f.Err.Message = fmt.Sprintf("the upstream redirected the request with status %d, which is not followed: "+
			"its url should be what the log names", status)
		f.Err.Logged = fmt.Sprintf("the upstream redirected the request with status %d%s", status, outbound.Destination(x.head, x.secrets))
	case message != "":
		f.Err.Message += ": " + message
	}
	return f
}

// failed is the failure of a server that reports an error of its own.
func (x *exchange) failed(message string) *failover.Failure {
	e := &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream reported an error",
		Logged: fmt.Sprintf("the upstream reported an error, with status %d", x.head.StatusCode),
	}
	if message != "" {
		e.Message += ": " + x.redacted(message)
	}
	return &failover.Failure{Outcome: failover.OutcomeError, Action: failover.Retry, Status: x.head.StatusCode, Err: e}
}

// unauthorized is the failure of a server that refuses the credentials of this gateway: the client
// can do nothing about it, and is not shown what the server reports about them.
func (x *exchange) unauthorized(message string) *failover.Failure {
	status := x.head.StatusCode
	return &failover.Failure{Outcome: failover.OutcomeUnauthorized, Action: failover.TryNext, Status: status, Err: &apierr.Error{
		Code: apierr.CodeUpstreamUnauthorized, Cause: fmt.Errorf("status %d: %s", status, message),
		Message: "the upstream refused this gateway's credentials; its operator has to set valid ones",
		Logged:  fmt.Sprintf("the upstream refused this gateway's credentials, with status %d", status),
	}}
}

// keep gives an error the server's own status, and its message, or otherwise if it has none.
func (x *exchange) keep(e *apierr.Error, otherwise, message string) {
	e.Reason, e.Message, e.Cause = reasonRejected, cmp.Or(message, otherwise), &dialect.UpstreamStatus{Status: x.head.StatusCode}
	e.Logged = fmt.Sprintf("%s (status %d)", otherwise, x.head.StatusCode)
}

// codeOf returns the code that is nearest to the status of a rejection.
func codeOf(status int) apierr.Code {
	switch status {
	case http.StatusUnauthorized:
		return apierr.CodeUnauthorized
	case http.StatusForbidden:
		return apierr.CodeForbidden
	case http.StatusNotFound:
		return apierr.CodeNotFound
	case http.StatusMethodNotAllowed:
		return apierr.CodeMethodNotAllowed
	case http.StatusNotAcceptable:
		return apierr.CodeNotAcceptable
	case http.StatusConflict:
		return apierr.CodeConflict
	case http.StatusGone:
		return apierr.CodeGone
	case http.StatusRequestEntityTooLarge:
		return apierr.CodeBodyTooLarge
	case http.StatusUnsupportedMediaType:
		return apierr.CodeUnsupportedMediaType
	}
	return apierr.CodeInvalidInput
}
