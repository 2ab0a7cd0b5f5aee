package httpmodel

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/failover"
)

const maxRejection = 1 << 20 // bytes of the body of an error response

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
		wait := f.Err.RetryAfter
		f.Err = x.kept(f.Err.Code, "the upstream takes no more requests at present", message)
		f.Err.RetryAfter = wait
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && len(x.server.out.Secrets()) > 0:
		return x.unauthorized(message)
	case f.Outcome == failover.OutcomeRejected:
		f.Err = x.kept(codeOf(status), fmt.Sprintf("the upstream rejected the request with status %d", status), message)
	case status >= 400:
		return x.failed(message)
	default:
		f.Err.Message = fmt.Sprintf("the upstream redirected the request with status %d, which is not followed: its url should be what the log names", status)
		f.Err.Logged = fmt.Sprintf("the upstream redirected the request with status %d%s", status, x.destination())
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
		Code: apierr.CodeUpstreamUnauthorized, Message: "the upstream refused this gateway's credentials; its operator has to set valid ones",
		Cause:  fmt.Errorf("status %d: %s", status, message),
		Logged: fmt.Sprintf("the upstream refused this gateway's credentials, with status %d", status),
	}}
}

// kept is an error that the client gets with the server's own status and message.
func (x *exchange) kept(code apierr.Code, otherwise, message string) *apierr.Error {
	if message == "" {
		message = otherwise
	}
	return &apierr.Error{
		Code: code, Reason: reasonRejected, Message: message, Cause: &dialect.UpstreamStatus{Status: x.head.StatusCode},
		Logged: fmt.Sprintf("%s (status %d)", otherwise, x.head.StatusCode),
	}
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

// destination returns where a redirection leads, as " to https://host/path": without a user, a
// query or a fragment, which may hold secrets. It is empty if the response does not say.
func (x *exchange) destination() string {
	location := x.head.Header.Get("Location")
	to, err := url.Parse(location)
	if err != nil || location == "" {
		return ""
	}
	to = x.server.url.ResolveReference(to)
	to = &url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
	return " to " + shortened(x.redacted(to.String()))
}
