package gateway

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/stream"
)

var (
	// errBroken reports a response that has begun and cannot be completed: the connection is broken
	// off, so that no client takes what it has for the whole.
	errBroken = errors.New("the response was broken off")
	// errUnsent reports that a write failed: the client is gone or stuck.
	errUnsent = errors.New("write to the reader")
)

// handler does a route's work. What it returns is rendered in the route's dialect.
type handler func(c *gin.Context) error

// errorRenderer renders failures as one dialect's HTTP responses.
type errorRenderer interface {
	Error(err error, requestID string) dialect.ErrorResponse
}

// rendering adapts a handler: its error becomes a response in the dialect of r.
func (g *Gateway) rendering(r errorRenderer, h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			g.fail(c, err, r)
		}
	}
}

// native adapts a handler of Penstock's own routes.
func (g *Gateway) native(h handler) gin.HandlerFunc { return g.rendering(g.codecs.native, h) }

// fail ends a request that failed: by an error response or, where a response has begun, by
// breaking it off, at once if the client does not read what it is sent.
func (g *Gateway) fail(c *gin.Context, err error, r errorRenderer) {
	noteCause(c, err)
	if c.Writer.Written() || errors.Is(err, errBroken) {
		if errors.Is(err, errUnsent) || errors.Is(err, stream.ErrSlowReader) {
			panic(http.ErrAbortHandler)
		}
		panic(errLingering)
	}
	e := r.Error(err, requestID(c))
	maps.Copy(c.Writer.Header(), e.Header)
	if err := g.writeBody(c, e.Status, c.Writer.Header().Get("Content-Type"), e.Body); err != nil {
		noteCause(c, err)
	}
}

// rendererOf returns what renders errors that belong to no handler: by the dialect of the path.
func (g *Gateway) rendererOf(path string) errorRenderer {
	if r, ok := g.codecs.at(path); ok {
		return r
	}
	if g.isPassed(path) {
		below, _ := dialect.PassPath(path)
		return g.passRenderer(below)
	}
	if path == "/v2" || strings.HasPrefix(path, "/v2/") {
		return g.codecs.infer
	}
	return g.codecs.native
}

// failAny is fail for errors that belong to no handler.
func (g *Gateway) failAny(c *gin.Context, err error) {
	g.fail(c, err, g.rendererOf(c.Request.URL.Path))
}

// noteCause keeps an error for the access log.
func noteCause(c *gin.Context, err error) { _ = c.Error(err) }

// causes returns the errors noted, as log attributes.
func causes(c *gin.Context) []slog.Attr {
	if len(c.Errors) == 0 {
		return nil
	}
	texts := make([]string, len(c.Errors))
	for i, e := range c.Errors {
		texts[i] = logged(e.Err)
	}
	return []slog.Attr{slog.String("error", strings.Join(texts, "; "))}
}

// logged returns an error as the log has it. Errors about a request may quote it, and it may hold
// a prompt: of those the log has the code only.
func logged(err error) string {
	e := dialect.ErrorOf(err)
	if !quotes(e.Code) {
		return apierr.ForLog(err)
	}
	if e.Reason != "" {
		return string(e.Code) + "/" + e.Reason
	}
	return string(e.Code)
}

// quotes reports whether errors of that code may quote the request.
func quotes(code apierr.Code) bool {
	switch code {
	case apierr.CodeInvalidJSON, apierr.CodeInvalidInput, apierr.CodeModelNotFound, apierr.CodeUnsupportedMediaType:
		return true
	default:
		return false
	}
}
