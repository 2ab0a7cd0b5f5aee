package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/dialect"
)

const (
	maxRejection = 1 << 20         // bytes of the body of an error response
	maxWait      = 5 * time.Second // a longer Retry-After is not waited for
	maxCool      = time.Minute     // nor heeded beyond this
	maxMessage   = 500             // bytes of a server's error message
)

// rejected is the failure of a response whose status is not a success.
func rejected(o *response) *failure {
	data, err := io.ReadAll(io.LimitReader(o.body, maxRejection))
	if err != nil {
		return cut(fmt.Errorf("read the body of a %d: %w", o.head.StatusCode, err))
	}
	header := o.header()
	if media := o.head.Header.Get("Content-Type"); media != "" {
		header.Set("Content-Type", redactText(media, o.secret))
	}
	f := rejection(&dialect.UpstreamAnswer{Status: o.head.StatusCode, Header: header, Body: redact(data, o.secret)}, o.ownKey)
	o.explain(f)
	return f
}

// reported is the failure of a server that reports an error in an event, or in a response with a
// status of success. The status that the client gets is that of the error.
func reported(body []byte, o *response) *failure {
	body = redact(body, o.secret)
	e := parseError(body)
	status, err := strconv.Atoi(e.Code)
	switch {
	case err == nil && status >= 400 && status < 600:
	case e.Type == dialect.InvalidRequest, e.Code == "context_length_exceeded":
		status = http.StatusBadRequest
	case strings.HasPrefix(e.Type, "rate_limit"), e.Code == "rate_limit_exceeded":
		status = http.StatusTooManyRequests
	default:
		status = http.StatusBadGateway
	}
	header := http.Header{"Content-Type": {"application/json"}, headerUpstream: {o.server.Name}}
	if retry := o.head.Header.Get("X-Should-Retry"); retry != "" {
		header.Set("X-Should-Retry", redactText(retry, o.secret))
	}
	return rejection(&dialect.UpstreamAnswer{Status: status, Header: header, Body: enveloped(body, e)}, o.ownKey)
}

// enveloped returns the body of an error where OpenAI's clients expect its message: as it is,
// unless the message is elsewhere, as in the events of /v1/responses.
func enveloped(body []byte, e dialect.Error) []byte {
	var inner struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &inner) // a body of another form has no message there
	if e.Message == "" || inner.Error.Message != "" {
		return body
	}
	if e.Type == "" || e.Type == "error" { // the event's
		e.Type = dialect.ServerError
	}
	envelope, _ := e.MarshalJSON() // strings always encode
	return envelope
}

// rejection classifies a response that a server sent in place of the requested one.
func rejection(a *dialect.UpstreamAnswer, ownKey bool) *failure {
	e := parseError(a.Body)
	wait, hasWait := retryAfter(a.Header)
	f := &failure{outcome: OutcomeError, action: retry, status: a.Status, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream reported an error", RetryAfter: wait, Cause: a,
		Logged: fmt.Sprintf("the upstream reported an error, with status %d", a.Status),
	}}
	if e.Message != "" {
		f.err.Message += ": " + truncated(e.Message)
	}
	switch status := a.Status; {
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && !ownKey:
		// The gateway's key is at fault: the client can do nothing about it, and is not shown what
		// the server reports about that key.
		f.outcome, f.action = OutcomeUnauthorized, tryNext
		f.err = &apierr.Error{
			Code: apierr.CodeUpstreamUnauthorized, Message: "the upstream refused this gateway's key; its operator has to set a valid one",
			Cause:  fmt.Errorf("status %d: %s", status, truncated(e.Message)),
			Logged: fmt.Sprintf("the upstream refused this gateway's key, with status %d", status),
		}
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && hasWait:
		f.outcome, f.action, f.wait = OutcomeRateLimited, tryNext, min(wait, maxCool)
		if hasWait && wait <= maxWait && e.Code != "insufficient_quota" {
			f.action = retryLater
		}
		if status == http.StatusTooManyRequests {
			f.err.Code = apierr.CodeRateLimited
		}
	case status == http.StatusRequestTimeout, status >= 500:
	case status == http.StatusPaymentRequired, tooLong(e), lacksModel(status, e):
		f.outcome, f.action = OutcomeRejected, tryNext
		f.err.Code = apierr.CodeInvalidInput
	case status >= 400:
		f.outcome, f.action = OutcomeRejected, giveUp
		f.err.Code = apierr.CodeInvalidInput
	default: // a redirection
		f.action = tryNext
		f.err.Message, f.err.Cause = "the upstream sent a redirection, which is not followed", fmt.Errorf("status %d", status)
	}
	f.obey(a.Header.Get("X-Should-Retry"))
	return f
}

// parseError reads an error object, as far as the body is one.
func parseError(body []byte) (e dialect.Error) {
	_ = json.Unmarshal(body, &e) // anything else has no message
	return e
}

func truncated(message string) string {
	if len(message) > maxMessage {
		return strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}

// tooLong reports whether an error is about the length of the prompt, which another server may
// have room for.
func tooLong(e dialect.Error) bool {
	if e.Code == "context_length_exceeded" || e.Type == "exceed_context_size_error" {
		return true
	}
	message := strings.ToLower(e.Message)
	return strings.Contains(message, "maximum context length") || strings.Contains(message, "context window")
}

// retryAfter returns how long a server wants no requests: OpenAI's Retry-After-Ms, or Retry-After
// in seconds or as a date.
func retryAfter(h http.Header) (d time.Duration, ok bool) {
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

// forwarded returns the headers of a response that matter to the client, without the gateway's key.
func forwarded(h http.Header, secret string) http.Header {
	out := http.Header{}
	for name, values := range h {
		switch lower := strings.ToLower(name); {
		case lower == "x-request-id":
			out["X-Upstream-Request-Id"] = redactAll(values, secret)
		case lower == "retry-after", lower == "retry-after-ms", lower == "x-should-retry",
			strings.HasPrefix(lower, "x-ratelimit-"), strings.HasPrefix(lower, "openai-"),
			lower == "ratelimit", strings.HasPrefix(lower, "ratelimit-"): // the IETF's names
			out[name] = redactAll(values, secret)
		}
	}
	return out
}
