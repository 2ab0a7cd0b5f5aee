package failover

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"penstock/apierr"
)

const (
	maxWait = 5 * time.Second // a longer Retry-After is not waited for
	maxCool = time.Minute     // a server does not cool down for longer
)

// Rejected is the failure of a response whose status is not a success, as far as that and the
// header show: a rate limit, an error of the server, or else a rejection that every server would
// repeat. A caller that knows more of the response changes the Failure, and adds to its Err what
// the server has reported.
func Rejected(status int, header http.Header) *Failure {
	wait, hasWait := RetryAfter(header)
	f := &Failure{Outcome: OutcomeError, Action: Retry, Status: status, Err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream reported an error", RetryAfter: wait,
		Logged: fmt.Sprintf("the upstream reported an error, with status %d", status),
	}}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && hasWait:
		f.Outcome, f.Action, f.Wait = OutcomeRateLimited, TryNext, min(wait, maxCool)
		if hasWait && wait <= maxWait {
			f.Action = RetryLater
		}
		if status == http.StatusTooManyRequests {
			f.Err.Code = apierr.CodeRateLimited
		}
	case status == http.StatusRequestTimeout, status >= 500:
	case status >= 400:
		f.Outcome, f.Action = OutcomeRejected, GiveUp
		f.Err.Code = apierr.CodeInvalidInput
	default: // a redirection
		f.Action = TryNext
		f.Err.Message, f.Err.Cause = "the upstream sent a redirection, which is not followed", fmt.Errorf("status %d", status)
	}
	return f
}

// RetryAfter returns how long no request should be sent to a server: OpenAI's Retry-After-Ms, or
// Retry-After in seconds or as a date.
func RetryAfter(h http.Header) (d time.Duration, ok bool) {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond)), true
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second)), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}
