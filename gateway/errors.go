package gateway

import (
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
)

// errBroken says that an answer has begun and cannot be completed: the connection is broken off, so that nobody takes
// what came for the whole.
var errBroken = errors.New("the answer was broken off")

// statuses are the HTTP statuses of the engine's codes. Canceled is for logs: nobody is there to see it.
var statuses = map[apierr.Code]int{
	apierr.CodeInvalidJSON:          http.StatusBadRequest,
	apierr.CodeInvalidInput:         http.StatusBadRequest,
	apierr.CodeUnauthorized:         http.StatusUnauthorized,
	apierr.CodeForbidden:            http.StatusForbidden,
	apierr.CodeModelNotFound:        http.StatusNotFound,
	apierr.CodeNotFound:             http.StatusNotFound,
	apierr.CodeMethodNotAllowed:     http.StatusMethodNotAllowed,
	apierr.CodeNotAcceptable:        http.StatusNotAcceptable,
	apierr.CodeConflict:             http.StatusConflict,
	apierr.CodeGone:                 http.StatusGone,
	apierr.CodeBodyTooLarge:         http.StatusRequestEntityTooLarge,
	apierr.CodeUnsupportedMediaType: http.StatusUnsupportedMediaType,
	apierr.CodeRateLimited:          http.StatusTooManyRequests,
	apierr.CodeQueueFull:            http.StatusTooManyRequests,
	apierr.CodeQueueTimeout:         http.StatusServiceUnavailable,
	apierr.CodeModelLoading:         http.StatusServiceUnavailable,
	apierr.CodeModelFailed:          http.StatusServiceUnavailable,
	apierr.CodeDraining:             http.StatusServiceUnavailable,
	apierr.CodeUpstreamError:        http.StatusBadGateway,
	apierr.CodeUpstreamCut:          http.StatusBadGateway,
	apierr.CodeUpstreamUnauthorized: http.StatusBadGateway,
	apierr.CodeUpstreamTimeout:      http.StatusGatewayTimeout,
	apierr.CodeCanceled:             499,
	apierr.CodeInternal:             http.StatusInternalServerError,
}

func statusOf(code apierr.Code) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// handler is a route's work. What it returns is rendered by the route's adapter.
type handler func(c *gin.Context) error

// native adapts a handler of Penstock's own routes.
func (g *Gateway) native(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			g.fail(c, err, g.renderNative)
		}
	}
}

// openai adapts a handler of OpenAI's routes.
func (g *Gateway) openai(h handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			g.fail(c, err, g.renderOpenAI)
		}
	}
}

// fail ends a request that went wrong: by an error answer, or, where an answer has begun, by breaking off.
func (g *Gateway) fail(c *gin.Context, err error, render func(*gin.Context, error) error) {
	noteCause(c, err)
	if c.Writer.Written() || errors.Is(err, errBroken) {
		panic(http.ErrAbortHandler)
	}
	if err := render(c, err); err != nil {
		noteCause(c, err)
	}
}

// renderAny gives an error that belongs to no handler the shape of the address's dialect.
func (g *Gateway) renderAny(c *gin.Context, err error) error {
	switch path := c.Request.URL.Path; {
	case openAIPaths[path]:
		return g.renderOpenAI(c, err)
	case path == "/v2", strings.HasPrefix(path, "/v2/"):
		return g.renderV2(c, err)
	}
	return g.renderNative(c, err)
}

// openAIPaths are the addresses whose clients are OpenAI's.
var openAIPaths = map[string]bool{pathChat: true, pathCompletions: true, pathResponses: true, pathEmbeddings: true}

// nativeError is the error object of Penstock's own routes.
type nativeError struct {
	Code      apierr.Code `json:"code"`
	Reason    string      `json:"reason,omitempty"`
	Message   string      `json:"message"`
	Param     string      `json:"param,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
}

func (g *Gateway) renderNative(c *gin.Context, err error) error {
	e := nativeOf(err)
	retryAfter(c, e)
	return g.answer(c, statusOf(e.Code), struct {
		Error nativeError `json:"error"`
	}{nativeError{Code: e.Code, Reason: e.Reason, Message: e.Message, Param: e.Param, RequestID: requestID(c)}})
}

// nativeOf finds what to tell a client of the native routes. A dialect's complaint about the input keeps its words.
func nativeOf(err error) *apierr.Error {
	if d, ok := errors.AsType[*dialect.Error](err); ok && d.Status < http.StatusInternalServerError {
		code := apierr.CodeInvalidInput
		if d.Code == string(apierr.CodeInvalidJSON) {
			code = apierr.CodeInvalidJSON
		}
		reason := d.Code
		if reason == string(code) {
			reason = ""
		}
		return &apierr.Error{Code: code, Reason: reason, Message: d.Message, Param: d.Param, Cause: err}
	}
	return apierr.From(err)
}

func (g *Gateway) renderOpenAI(c *gin.Context, err error) error {
	// An upstream's rejection is between it and the client: it arrives as it was.
	if a, ok := errors.AsType[*dialect.UpstreamAnswer](err); ok {
		maps.Copy(c.Writer.Header(), a.Header)
		return g.writeBody(c, a.Status, a.Header.Get("Content-Type"), a.Body)
	}
	e := openAIOf(err)
	if native, ok := errors.AsType[*apierr.Error](err); ok {
		retryAfter(c, native)
	}
	return g.answer(c, e.Status, e)
}

// openAIOf finds what to tell a client of OpenAI's routes.
func openAIOf(err error) *dialect.Error {
	if d, ok := errors.AsType[*dialect.Error](err); ok {
		return d
	}
	e := apierr.From(err)
	d := &dialect.Error{Status: statusOf(e.Code), Message: e.Message, Param: e.Param, Code: string(e.Code)}
	if e.Reason != "" {
		d.Code = e.Reason
	}
	switch {
	case d.Status == http.StatusTooManyRequests:
		d.Type = "rate_limit_error"
	case d.Status == http.StatusUnauthorized:
		d.Type = "authentication_error"
	case d.Status == http.StatusForbidden:
		d.Type = "permission_error"
	case d.Status < http.StatusInternalServerError:
		d.Type = dialect.InvalidRequest
	default:
		d.Type = dialect.ServerError
	}
	return d
}

func retryAfter(c *gin.Context, e *apierr.Error) {
	if e.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

// noteCause keeps an error for the access log.
func noteCause(c *gin.Context, err error) { _ = c.Error(err) }

// causes are the errors noted, as log attributes.
func causes(c *gin.Context) []slog.Attr {
	if len(c.Errors) == 0 {
		return nil
	}
	words := make([]string, len(c.Errors))
	for i, e := range c.Errors {
		words[i] = logged(e.Err)
	}
	return []slog.Attr{slog.String("error", strings.Join(words, "; "))}
}

// logged is an error as the log has it. What is wrong with a request is told its sender in words of the request, which may
// be somebody's prompt: of that the log has the code only.
func logged(err error) string {
	e := nativeOf(err)
	if !quotes(e.Code) {
		return err.Error()
	}
	if e.Reason != "" {
		return string(e.Code) + "/" + e.Reason
	}
	return string(e.Code)
}

// quotes tells whether errors of that code may hold words of the request.
func quotes(code apierr.Code) bool {
	switch code {
	case apierr.CodeInvalidJSON, apierr.CodeInvalidInput, apierr.CodeModelNotFound, apierr.CodeUnsupportedMediaType:
		return true
	default:
		return false
	}
}
