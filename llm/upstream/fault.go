package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/dialect"
)

// remedy is what may help against a fault.
type remedy int

const (
	another remedy = iota // another server; this one is not asked again
	again                 // the same server, once more, then another
	later                 // the same server, after fault.wait, then another
	nothing               // the request itself is at fault, or nobody wants an answer
)

// fault is a request to a server that did not end well.
type fault struct {
	outcome Outcome
	remedy  remedy
	wait    time.Duration // how long the server asked to be left alone
	status  int           // of the HTTP answer, where there was one
	err     *apierr.Error // for the client, if this is the last word
}

func (f *fault) Error() string { return f.err.Error() }

// says what the end of the request says about the server's health.
func (f *fault) verdict() verdict {
	switch f.outcome {
	case OutcomeError, OutcomeUnreachable, OutcomeTimeout, OutcomeCut, OutcomeUnauthorized:
		return unwell
	case OutcomeRejected, OutcomeDiffers:
		return well
	case OutcomeOK, OutcomeRescued, OutcomeRateLimited, OutcomeCanceled:
	}
	return noVerdict
}

// canceled is the fault of a client that left.
func canceled(cause error) *fault {
	return &fault{outcome: OutcomeCanceled, remedy: nothing, err: &apierr.Error{Code: apierr.CodeCanceled, Message: "the request was canceled", Cause: cause}}
}

func cut(cause error) *fault {
	return &fault{outcome: OutcomeCut, remedy: again, err: &apierr.Error{
		Code: apierr.CodeUpstreamCut, Message: "the upstream broke off before its answer was complete; try again", Cause: cause,
	}}
}

// broken is the fault of a server that sends what is no answer.
func broken(format string, args ...any) *fault {
	return &fault{outcome: OutcomeError, remedy: again, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream sent something that is no part of an answer; try again", Cause: fmt.Errorf(format, args...),
	}}
}

// silence is the fault of a server that took too long.
func silence(cause error, t Timeouts) *fault {
	var message string
	switch {
	case errors.Is(cause, errConnect):
		message = fmt.Sprintf("the upstream took no connection within %s", t.Connect)
	case errors.Is(cause, errFirstToken):
		message = fmt.Sprintf("the upstream sent no first token within %s", t.FirstToken)
	case errors.Is(cause, errWhole):
		message = fmt.Sprintf("the upstream began no answer within %s", t.Whole)
	default:
		message = fmt.Sprintf("the upstream fell silent for %s in the middle of its answer", t.BetweenTokens)
	}
	return &fault{outcome: OutcomeTimeout, remedy: another, err: &apierr.Error{
		Code: apierr.CodeUpstreamTimeout, Message: message + "; try again later", Cause: cause,
	}}
}

// isSilence tells whether a request was ended by its watch.
func isSilence(cause error) bool {
	return errors.Is(cause, errConnect) || errors.Is(cause, errFirstToken) || errors.Is(cause, errBetweenTokens) || errors.Is(cause, errWhole)
}

// unanswered is the fault of a request to which no HTTP answer came.
func unanswered(ctx context.Context, err error, t Timeouts) *fault {
	if cause := context.Cause(ctx); cause != nil {
		if isSilence(cause) {
			return silence(cause, t)
		}
		return canceled(cause)
	}
	name, reached, hopeless := trouble(err)
	err = fmt.Errorf("%s: %w", name, err)
	if reached {
		return cut(err)
	}
	f := &fault{outcome: OutcomeUnreachable, remedy: again, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream could not be reached; try again later", Cause: err,
	}}
	if hopeless {
		f.remedy = another
	}
	return f
}

const (
	maxRejection = 1 << 20         // bytes of an error answer's body
	maxWait      = 5 * time.Second // a Retry-After beyond it is not waited for
	maxCool      = time.Minute     // nor believed beyond this
)

// answered is the fault of a request to which the HTTP answer was not the one wanted.
// ownKey tells whether the request went out with the client's own key; secret is ours,
// and appears in nothing that is handed on.
func answered(r *http.Response, body io.Reader, secret string, ownKey bool) *fault {
	data, err := io.ReadAll(io.LimitReader(body, maxRejection))
	if err != nil {
		return cut(fmt.Errorf("read the body of a %d: %w", r.StatusCode, err))
	}
	header := handedOn(r.Header, secret)
	if kind := r.Header.Get("Content-Type"); kind != "" {
		header.Set("Content-Type", redactText(kind, secret))
	}
	return reject(&dialect.UpstreamAnswer{Status: r.StatusCode, Header: header, Body: redact(data, secret)}, ownKey)
}

// reported is the fault of a server that said, in an event or in an answer that thinks itself
// a success, that something went wrong.
func reported(said []byte, o *open) *fault {
	said = redact(said, o.secret)
	e := words(said)
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
	header := http.Header{"Content-Type": {"application/json"}}
	return reject(&dialect.UpstreamAnswer{Status: status, Header: header, Body: enveloped(said, e)}, o.ownKey)
}

// enveloped returns what a server said as OpenAI's clients look for it: as it is, unless its
// words stand elsewhere, as they do in the events of /v1/responses.
func enveloped(said []byte, e dialect.Error) []byte {
	var inner struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(said, &inner) // what does not fit has no words there
	if e.Message == "" || inner.Error.Message != "" {
		return said
	}
	if e.Type == "" || e.Type == "error" { // the event's
		e.Type = dialect.ServerError
	}
	anew, _ := e.MarshalJSON() // strings always encode
	return anew
}

// envelope is what tells the report of an error from an answer.
type envelope struct {
	Error  json.RawMessage `json:"error"`
	Object json.RawMessage `json:"object"`
}

func (e envelope) reports() bool {
	// A whole answer of /v1/responses has an "error" of its own.
	return string(e.Object) == errorObject || accuses(e.Error) && string(e.Object) != `"response"`
}

// reject sorts what servers answer instead of what they were asked for.
func reject(a *dialect.UpstreamAnswer, ownKey bool) *fault {
	said := words(a.Body)
	wait, asked := retryAfter(a.Header)
	f := &fault{outcome: OutcomeError, remedy: again, status: a.Status, err: &apierr.Error{
		Code: apierr.CodeUpstreamError, Message: "the upstream reported an error", RetryAfter: wait, Cause: a,
	}}
	if said.Message != "" {
		f.err.Message += ": " + brief(said.Message)
	}
	switch status := a.Status; {
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && !ownKey:
		// Our key's fault: the client can do nothing about it, and is not shown what the
		// server says about that key.
		f.outcome, f.remedy = OutcomeUnauthorized, another
		f.err = &apierr.Error{Code: apierr.CodeUpstreamUnauthorized, Message: "the upstream refused this gateway's key; its operator has to set a valid one", Cause: fmt.Errorf("status %d: %s", status, brief(said.Message))}
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		f.outcome, f.remedy, f.wait = OutcomeRateLimited, another, min(wait, maxCool)
		if asked && wait <= maxWait && said.Code != "insufficient_quota" {
			f.remedy = later
		}
		if status == http.StatusTooManyRequests {
			f.err.Code = apierr.CodeRateLimited
		}
	case status == http.StatusRequestTimeout, status >= 500:
	case status == http.StatusPaymentRequired, tooLong(said):
		f.outcome, f.remedy = OutcomeRejected, another
		f.err.Code = apierr.CodeInvalidInput
	case status >= 400:
		f.outcome, f.remedy = OutcomeRejected, nothing
		f.err.Code = apierr.CodeInvalidInput
	default: // a redirection, which nobody follows with a key in hand
		f.remedy = another
		f.err.Message, f.err.Cause = "the upstream sent something that is no part of an answer", fmt.Errorf("status %d", status)
	}
	return f
}

// words reads an error object, as far as it is one.
func words(body []byte) (e dialect.Error) {
	_ = json.Unmarshal(body, &e) // whatever else it may be, it has no words
	return e
}

func brief(message string) string {
	if len(message) > 500 {
		return strings.ToValidUTF8(message[:500], "") + "…"
	}
	return message
}

// tooLong tells whether a server complains about the length of the prompt, for which
// another server may have room.
func tooLong(e dialect.Error) bool {
	if e.Code == "context_length_exceeded" || e.Type == "exceed_context_size_error" {
		return true
	}
	message := strings.ToLower(e.Message)
	return strings.Contains(message, "maximum context length") || strings.Contains(message, "context window")
}

// retryAfter reads how long a server asks to be left alone: OpenAI's retry-after-ms, or
// Retry-After as seconds or as a date.
func retryAfter(h http.Header) (d time.Duration, asked bool) {
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

// handedOn returns those of an answer's headers that matter to the client, without our key.
func handedOn(h http.Header, secret string) http.Header {
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
