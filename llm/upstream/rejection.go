package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/failover"
	"penstock/outbound"
)

const (
	maxRejection = 1 << 20 // bytes of the body of an error response
	maxMessage   = 500     // bytes of a server's error message
)

// rejected is the failure of a response whose status is not a success.
func rejected(o *response) *failover.Failure {
	data, err := io.ReadAll(io.LimitReader(o.body, maxRejection))
	if err != nil {
		return failover.Cut(fmt.Errorf("read the body of a %d: %w", o.head.StatusCode, err))
	}
	header := o.header()
	if media := o.head.Header.Get("Content-Type"); media != "" {
		header.Set("Content-Type", o.secrets.Text(media))
	}
	f := rejection(&dialect.UpstreamAnswer{Status: o.head.StatusCode, Header: header, Body: o.secrets.Redact(data)}, o.ownKey)
	o.explain(f)
	return f
}

// reported is the failure of a server that reports an error in an event, or in a response with a
// status of success. The status that the client gets is that of the error.
func reported(body []byte, o *response) *failover.Failure {
	body = o.secrets.Redact(body)
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
		header.Set("X-Should-Retry", o.secrets.Text(retry))
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
func rejection(a *dialect.UpstreamAnswer, ownKey bool) *failover.Failure {
	e := parseError(a.Body)
	f := failover.Rejected(a.Status, a.Header)
	if a.Status >= 400 {
		f.Err.Cause = a
		if e.Message != "" {
			f.Err.Message += ": " + truncated(e.Message)
		}
	}
	switch status := a.Status; {
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && !ownKey:
		// The gateway's key is at fault: the client can do nothing about it, and is not shown what
		// the server reports about that key.
		f.Outcome, f.Action = failover.OutcomeUnauthorized, failover.TryNext
		f.Err = &apierr.Error{
			Code: apierr.CodeUpstreamUnauthorized, Message: "the upstream refused this gateway's key; its operator has to set a valid one",
			Cause:  fmt.Errorf("status %d: %s", status, truncated(e.Message)),
			Logged: fmt.Sprintf("the upstream refused this gateway's key, with status %d", status),
		}
	case f.Outcome == failover.OutcomeRateLimited && e.Code == "insufficient_quota", // no wait helps
		f.Outcome == failover.OutcomeRejected && (status == http.StatusPaymentRequired || tooLong(e) || lacksModel(status, e)):
		f.Action = failover.TryNext
	}
	obey(f, a.Header.Get("X-Should-Retry"))
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

// forwarded returns the headers of a response that matter to the client, without secrets.
func forwarded(h http.Header, secrets outbound.Secrets) http.Header {
	out := http.Header{}
	for name, values := range h {
		switch lower := strings.ToLower(name); {
		case lower == "x-request-id":
			out["X-Upstream-Request-Id"] = secrets.Values(values)
		case lower == "retry-after", lower == "retry-after-ms", lower == "x-should-retry",
			strings.HasPrefix(lower, "x-ratelimit-"), strings.HasPrefix(lower, "openai-"),
			lower == "ratelimit", strings.HasPrefix(lower, "ratelimit-"): // the IETF's names
			out[name] = secrets.Values(values)
		}
	}
	return out
}
