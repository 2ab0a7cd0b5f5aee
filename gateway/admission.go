package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/auth"
	"penstock/dialect"
	"penstock/engine"
	"penstock/stream"
)

// errRevoked ends the streams of a key that has been revoked.
var errRevoked = errors.New("the key that started the stream has been revoked")

// work is what a request asks of a model, as its caller's limits count it.
type work struct {
	expects   func() dialect.Expectation // nil: no tokens are counted
	generates bool
	stream    bool
}

// work returns the work of a native request.
func (v nativeVerb) work(in engine.Input, streams bool) work {
	if v.gen == nil {
		return work{stream: streams}
	}
	return work{generates: true, stream: streams, expects: func() dialect.Expectation {
		r, err := v.decode(in)
		if err != nil {
			return dialect.Expectation{} // the request fails before it uses anything
		}
		return r.Expectation()
	}}
}

// admit is the one place where requests are admitted: by the limits of their caller, which are
// charged with what the work comes to when it ends, and then by the model's gate. A request that is
// refused by either is charged nothing.
func (g *Gateway) admit(c *gin.Context, gate func(engine.Caller) (*engine.Call, error), w work) (*engine.Call, error) {
	caller, id := callerOf(c), identityOf(c)
	if id == nil {
		return gate(caller)
	}
	r := auth.Request{Generates: w.generates, Stream: w.stream}
	if w.expects != nil && id.CountsTokens() {
		e := w.expects()
		r.Prompt, r.Completion = int64(e.PromptTokens), int64(e.MaxTokens)
	}
	grant, err := id.Admit(r)
	if err != nil {
		return nil, overLimit(c, err)
	}
	setLimits(c.Writer.Header(), grant.Meters)
	a := &admission{}
	stop := g.Auth.OnRevoked(id.ID, a.revoke)
	caller.Charge = func(u engine.Usage) {
		stop()
		if a.refused.Load() {
			grant.Cancel()
			return
		}
		grant.Settle(int64(u.PromptTokens), int64(u.CompletionTokens), u.Estimated)
	}
	call, err := gate(caller)
	if err != nil {
		stop()
		grant.Cancel()
		return nil, err
	}
	c.Set(keyAdmission, a)
	return call, nil
}

const keyAdmission = "admission"

// admission is an admitted request whose key may be revoked while its stream is open.
type admission struct {
	stream  atomic.Pointer[stream.Stream]
	revoked atomic.Bool
	refused atomic.Bool // no stream was started, as too many are open
}

func (a *admission) revoke() {
	a.revoked.Store(true)
	if s := a.stream.Load(); s != nil {
		s.Cancel(errRevoked)
	}
}

// started notes the stream that an admitted request has started, or the error of starting it, which
// it returns.
func started(c *gin.Context, s *stream.Stream, err error) error {
	value, _ := c.Get(keyAdmission)
	a, ok := value.(*admission)
	if !ok {
		return err
	}
	if err != nil {
		a.refused.Store(apierr.From(err).Code == apierr.CodeQueueFull)
		return err
	}
	a.stream.Store(s)
	if a.revoked.Load() {
		s.Cancel(errRevoked)
	}
	return nil
}

// overLimit returns the error of a request that a limit refused.
func overLimit(c *gin.Context, err error) error {
	r, ok := errors.AsType[*auth.Refusal](err)
	if !ok {
		return err
	}
	setLimits(c.Writer.Header(), r.Meters)
	e := &apierr.Error{Code: apierr.CodeRateLimited, Reason: "rate_limit_exceeded", RetryAfter: r.RetryAfter, Cause: err}
	wait := "; try again in " + resetIn(r.RetryAfter)
	switch r.Reason {
	case auth.TooManyRequests:
		e.Message = fmt.Sprintf("the rate limit of this key is reached: %d requests a minute", r.Limit) + wait
	case auth.TooManyTokens:
		e.Message = fmt.Sprintf("the rate limit of this key is reached: %d tokens a minute, and this request may need %d", r.Limit, r.Requested) + wait
	case auth.TooLarge:
		e.Message = fmt.Sprintf("the request is too large for this key: it may need %d tokens, and the limit is %d a minute; shorten the prompt, or lower max_tokens", r.Requested, r.Limit)
	case auth.DaySpent:
		e.Reason = "insufficient_quota"
		e.Message = fmt.Sprintf("the budget of this key is spent: %d tokens a day (UTC), and this request may need %d", r.Limit, r.Requested)
	case auth.MonthSpent:
		e.Reason = "insufficient_quota"
		e.Message = fmt.Sprintf("the budget of this key is spent: %d tokens a month (UTC), and this request may need %d", r.Limit, r.Requested)
	case auth.TooManyStreams:
		e.Reason = "too_many_streams"
		e.Message = fmt.Sprintf("%d streams of this key are open, and no more may be; close one", r.Limit)
	case auth.NotAllowed:
		e.Message = "this key may not use that model"
	}
	return e
}

// The beginning of the names of headers that report limits, as OpenAI has them.
const headerLimits = "X-Ratelimit-"

// limitHeaders returns the names of the headers that report limits, for pages to read.
func limitHeaders() (names []string) {
	for _, what := range []string{"Limit", "Remaining", "Reset"} {
		names = append(names, headerLimits+what+"-Requests", headerLimits+what+"-Tokens")
	}
	return names
}

// setLimits reports the caller's limits.
func setLimits(h http.Header, m auth.Meters) {
	for kind, m := range map[string]auth.Meter{"Requests": m.Requests, "Tokens": m.Tokens} {
		if m.Limit > 0 {
			h.Set(headerLimits+"Limit-"+kind, strconv.FormatInt(m.Limit, 10))
			h.Set(headerLimits+"Remaining-"+kind, strconv.FormatInt(m.Remaining, 10))
			h.Set(headerLimits+"Reset-"+kind, resetIn(m.Reset))
		}
	}
}

// resetIn writes a duration as OpenAI does: 120ms, 1s, 6m0s.
func resetIn(d time.Duration) string {
	if rest := d % time.Millisecond; rest > 0 {
		d += time.Millisecond - rest
	}
	return d.String()
}

// passedOn returns the headers of a server that a client gets. The limits of a server are the
// operator's, and none of a client that has limits here.
func passedOn(header http.Header, limited bool) http.Header {
	if !limited {
		return header
	}
	kept := http.Header{}
	for name, values := range header {
		if !strings.HasPrefix(http.CanonicalHeaderKey(name), headerLimits) {
			kept[name] = values
		}
	}
	return kept
}
