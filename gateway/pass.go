package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// passMethods are the methods of requests that are passed through.
var passMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// passFields are the fields of a request's head that are passed through with it, beside its
// Content-Type: those that concern the content.
var passFields = []string{"Accept", "Accept-Language", "Content-Language", "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range"}

// passes serves a request that no route takes, if there are models that pass its route through. It
// returns false if there are none.
func (g *Gateway) passes(c *gin.Context) bool {
	path, ok := dialect.PassPath(c.Request.URL.EscapedPath())
	if !ok {
		return false
	}
	route, ok := g.passRoute(path)
	if !ok {
		return false
	}
	setRoute(c, "/v1/"+string(route))
	for _, guard := range []gin.HandlerFunc{g.guardHost, g.requireKey} { // no group of routes has them here
		if guard(c); c.IsAborted() {
			return true
		}
	}
	g.rendering(g.codecs.dialects[0].Codec, func(c *gin.Context) error { return g.pass(c, path) })(c)
	return true
}

// passRoute returns the route that a path is of, of any model's.
func (g *Gateway) passRoute(path string) (dialect.PassRoute, bool) {
	if _, never := dialect.NeverPassed(path); never {
		return "", false
	}
	for _, m := range g.Engine.Models() {
		if route, ok := routeFor(m, path); ok {
			return route, true
		}
	}
	return "", false
}

// isPassed reports whether a path is one of a route that is passed through.
func (g *Gateway) isPassed(path string) bool {
	below, ok := dialect.PassPath(path)
	if ok {
		_, ok = g.passRoute(below)
	}
	return ok
}

// routeFor returns the route of a model that a path is of.
func routeFor(m *engine.Model, path string) (dialect.PassRoute, bool) {
	for _, route := range m.Routes() {
		if r := dialect.PassRoute(route); r.Matches(path) {
			return r, true
		}
	}
	return "", false
}

// pass passes a request through to a server of the model that it names, and the response back. A
// body is read whole before the request is admitted, as on other routes, so that it can be sent to
// the next server if one fails.
func (g *Gateway) pass(c *gin.Context, path string) error {
	if !slices.Contains(passMethods, c.Request.Method) {
		c.Header("Allow", strings.Join(passMethods, ", "))
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "this address takes " + strings.Join(passMethods, ", ") + " only"}
	}
	r, err := g.passCall(c, path)
	if err != nil {
		return err
	}
	m, err := g.passedModel(c, r.Model)
	if err != nil {
		return err
	}
	pass, ok := engine.PredictionOf[*dialect.PassCall, engine.Usage](m, verbPass)
	if !ok {
		return notSupported(m)
	}
	route, ok := routeFor(m, path)
	if !ok {
		return &apierr.Error{
			Code: apierr.CodeNotFound, Reason: reasonUnknownURL,
			Message: fmt.Sprintf("model %q does not pass %s through: its operator lists such routes under pass:, as in pass: [%s]", nameOf(c, m), quotedPath(c.Request), path),
		}
	}
	setRoute(c, "/v1/"+string(route))
	call, err := g.admit(c, pass.Admit, work{expects: r.Expectation})
	if err != nil {
		return err
	}
	defer call.Close()
	to := &passed{passthrough: g.newPassthrough(c)}
	g.setClient(c, &r.Call)
	r.Passthrough = to
	spent, err := pass.Do(c.Request.Context(), call, r)
	if err != nil && to.begun { // the model has done its work, though the client has not got all of it
		spent = engine.Usage{PromptTokens: r.Expectation().PromptTokens, Estimated: true}
	}
	call.Spent(spent)
	g.Metrics.used(m.Name(), spent)
	switch {
	case err != nil && to.begun:
		return fmt.Errorf("%w: %w", errBroken, err)
	case err != nil:
		return err
	}
	return to.finish()
}

// passCall reads a request that is passed through. What is no JSON takes no memory for decoding.
func (g *Gateway) passCall(c *gin.Context, path string) (*dialect.PassCall, error) {
	if _, err := query(c.Request); err != nil {
		return nil, err
	}
	read := g.readBody
	if kind, _, _ := strings.Cut(c.ContentType(), "/"); slices.Contains([]string{"multipart", "audio", "image", "video"}, kind) {
		read = g.readBytes
	}
	body, err := read(c)
	if err != nil {
		return nil, err
	}
	r := &dialect.PassCall{
		Call:   dialect.Call{Body: body, MediaType: c.GetHeader("Content-Type")},
		Method: c.Request.Method, Path: path, RawQuery: c.Request.URL.RawQuery, Fields: http.Header{},
	}
	for _, name := range passFields {
		if values := c.Request.Header[name]; len(values) > 0 {
			r.Fields[name] = values
		}
	}
	return r, r.ReadPass()
}

// passedModel returns the model that a request names, or else the default one.
func (g *Gateway) passedModel(c *gin.Context, name string) (*engine.Model, error) {
	if name != "" {
		return g.model(c, name)
	}
	if m, ok := g.Engine.Default(); ok {
		return g.model(c, m.Name())
	}
	return nil, &dialect.Error{
		Status: http.StatusBadRequest, Type: dialect.InvalidRequest, Param: "model", Code: "missing_required_parameter",
		Message: "you must provide a model parameter: in the query, in JSON, or as a field of a form. (A model with `default: true` is used without one.)",
	}
}

// passed is the passthrough of a response that is sent as it arrives. Only where a Content-Length
// shows the client where the body ends, its last byte is held back until the run has ended:
// elsewhere an event's last byte would wait for the next event.
type passed struct {
	*passthrough
	measured bool
}

// Head implements dialect.Passthrough.
func (p *passed) Head(status int, header http.Header) {
	h := p.c.Writer.Header()
	vary := append(h.Values("Vary"), header.Values("Vary")...) // the response depends on both
	p.passthrough.Head(status, header)
	if h.Del("Vary"); len(vary) > 0 {
		h["Vary"] = vary
	}
	if header.Get("Content-Type") == "" {
		h["Content-Type"] = nil // else net/http guesses one
	}
	p.measured = header.Get("Content-Length") != ""
	p.c.Writer.WriteHeaderNow() // there may be no body
}

// Write implements dialect.Passthrough.
func (p *passed) Write(b []byte) (n int, err error) {
	if p.measured {
		n, err = p.passthrough.Write(b)
	} else {
		n, err = len(b), p.write(b)
	}
	if err == nil {
		err = p.control.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errUnsent, err)
	}
	return n, nil
}
