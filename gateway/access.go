package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/stream"
)

const keyAccess = "access"

// access is what the access line of one request is made of, beside what gin knows. The request's
// goroutine has it for itself; what other goroutines add is in the trace.
type access struct {
	began   time.Time
	client  string       // its address
	trace   engine.Trace // of its calls
	chunks  int          // of a stream that were sent to the client
	first   time.Time    // when the first of them was
	content *content     // nil unless the log has contents
}

func (g *Gateway) newAccess(c *gin.Context) *access {
	a := &access{began: time.Now(), client: g.clientOf(c.Request)}
	if g.LogContent {
		a.content = captureContent(c)
	}
	c.Set(keyAccess, a)
	return a
}

// accessOf returns the request's access.
func accessOf(c *gin.Context) *access {
	a, _ := c.MustGet(keyAccess).(*access)
	return a
}

// outcome is how a request ended.
type outcome string

const (
	outcomeDone     outcome = "done"
	outcomeRefused  outcome = "refused"  // for what it was, or for want of room: no work began
	outcomeFailed   outcome = "failed"   // work began and failed
	outcomeCanceled outcome = "canceled" // by its client, or the stream by another
	outcomeCut      outcome = "cut"      // the client was disconnected: it read too slowly
)

// outcomeOf returns how a request ended and, unless it is done, the error's code.
func outcomeOf(c *gin.Context, status int, admitted bool) (outcome, string) {
	var err error
	if len(c.Errors) > 0 {
		err = c.Errors[0].Err // what came first led to the others
	}
	switch {
	case errors.Is(err, stream.ErrSlowReader), errors.Is(err, stream.ErrGone) && errors.Is(err, errBroken):
		return outcomeCut, "slow"
	case errors.Is(err, errBroken) && errors.Is(err, os.ErrDeadlineExceeded):
		return outcomeCut, "write_timeout"
	case c.Request.Context().Err() != nil && (err != nil || !c.Writer.Written()) && !bodyRefused(err):
		return outcomeCanceled, string(apierr.CodeCanceled)
	case err == nil && status < http.StatusBadRequest:
		return outcomeDone, ""
	case err == nil:
		return outcomeRefused, "other"
	}
	code := dialect.ErrorOf(err).Code
	switch {
	case code == apierr.CodeCanceled:
		return outcomeCanceled, string(code)
	case status >= http.StatusBadRequest && (status < http.StatusInternalServerError || !admitted):
		return outcomeRefused, string(code)
	case code == apierr.CodeQueueFull, code == apierr.CodeQueueTimeout:
		return outcomeRefused, string(code)
	}
	return outcomeFailed, string(code)
}

// bodyRefused reports whether a body was not waited for any longer. To net/http, whose read fails,
// that is as if the client had left.
func bodyRefused(err error) bool {
	own, ok := errors.AsType[*apierr.Error](err)
	return ok && (own.Code == apierr.CodeBodyTimeout || own.Code == apierr.CodeDraining)
}

// tokensTime is how long a request's line waits for its tokens at most, as a model may be stuck.
const tokensTime = time.Second

// awaitTokens waits for the end of a generation whose only reader has left: what it came to is
// known then.
func awaitTokens(ended <-chan struct{}) {
	timer := time.NewTimer(tokensTime)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// over counts and logs a request once it is over. Its line never has what the client sent: no
// prompt, label or address of a picture, unless the operator wants contents.
func (g *Gateway) over(c *gin.Context, a *access) {
	status := c.Writer.Status()
	if c.Request.Context().Err() != nil && !c.Writer.Written() {
		status = dialect.Status(apierr.CodeCanceled)
	}
	took, route, traced := time.Since(a.began), routeOf(c), a.trace.Read()
	result, code := outcomeOf(c, status, traced.Admitted)
	g.Metrics.request(route, c.Request.Method, status, took)
	if result == outcomeRefused {
		g.Metrics.front.requests.WithLabelValues(code).Inc()
	}
	level := slog.LevelInfo
	switch {
	case monitoring(c):
		level = slog.LevelDebug
	case status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	}
	ctx := context.WithoutCancel(c.Request.Context())
	if !g.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 20)
	attrs = append(
		attrs,
		slog.String("request_id", requestID(c)),
		slog.String("client", a.client),
		slog.String("method", c.Request.Method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.String("outcome", string(result)),
		slog.Duration("took", took.Round(time.Microsecond)),
		slog.Int("bytes", max(0, c.Writer.Size())),
	)
	if caller, ok := c.Value(keyCaller).(engine.Caller); ok && caller.Name != a.client {
		attrs = append(attrs, slog.String("caller", caller.Name))
	}
	if code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	attrs = append(attrs, causes(c)...)
	if model := c.GetString(keyModel); model != "" {
		attrs = append(attrs, slog.String("model", model))
	}
	attrs = append(attrs, a.work(traced)...)
	if a.content != nil {
		attrs = append(attrs, a.content.attrs()...)
	}
	g.Log.LogAttrs(ctx, level, "request", attrs...)
}

// work returns what the request came to in the engine, as far as there is anything.
func (a *access) work(t engine.Traced) (attrs []slog.Attr) {
	chunks, first := a.chunks, a.first
	if chunks == 0 {
		chunks, first = t.Chunks, t.First
	}
	if t.Admitted {
		attrs = append(attrs, slog.Duration("queued", t.Waited.Round(time.Microsecond)))
	}
	if chunks > 0 {
		attrs = append(attrs, slog.Duration("first_chunk", first.Sub(a.began).Round(time.Microsecond)), slog.Int("chunks", chunks))
	}
	if t.Usage != (engine.Usage{}) {
		attrs = append(attrs, slog.Int("prompt_tokens", t.Usage.PromptTokens), slog.Int("completion_tokens", t.Usage.CompletionTokens))
	}
	if t.Usage.Estimated {
		attrs = append(attrs, slog.Bool("estimated", true)) // the tokens
	}
	return attrs
}
