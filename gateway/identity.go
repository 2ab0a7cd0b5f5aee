package gateway

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/auth"
	"penstock/engine"
	"penstock/stream"
)

const (
	keyIdentity     = "identity"
	keyUnidentified = "unidentified"
)

// authenticate is the middleware that identifies the caller by the request's key or token, where
// keys are configured. It refuses nothing: some routes need no key.
func (g *Gateway) authenticate(c *gin.Context) {
	if g.Auth == nil {
		return
	}
	id, err := g.Auth.Identify(c.Request.Context(), c.Request.Header)
	if err != nil {
		c.Set(keyUnidentified, err)
		return
	}
	caller := callerOf(c)
	caller.Name = id.Name
	if id.Priority() == auth.Batch {
		caller.Priority = engine.PriorityBatch
	}
	c.Set(keyCaller, caller)
	c.Set(keyIdentity, id)
}

// identityOf returns the caller that a key or token identified, nil if none did.
func identityOf(c *gin.Context) *auth.Caller {
	id, _ := c.Get(keyIdentity)
	caller, _ := id.(*auth.Caller)
	return caller
}

// requireKey is the middleware of routes that need a key, if any are configured. A stream's address
// is the right to read it, without a key.
func (g *Gateway) requireKey(c *gin.Context) {
	if g.Auth == nil || identityOf(c) != nil {
		return
	}
	reads, err := g.readsStream(c)
	if reads && err == nil {
		return
	}
	if !reads {
		err = unidentified(c)
	}
	g.failAny(c, err)
	c.Abort()
}

// readsStream reports whether a request reads a stream that exists already, by its id: then the
// error is that of opening it, and of nothing that only callers with a key may know.
func (g *Gateway) readsStream(c *gin.Context) (bool, error) {
	if c.Request.Method != http.MethodGet {
		return false, nil
	}
	if c.FullPath() == pathStream {
		return true, nil
	}
	name, verb := splitVerb(c.Param("path"))
	if c.FullPath() != pathModel || verb != verbStream {
		return false, nil
	}
	id, from, err := lastEventID(c.Request)
	if err != nil || !from.again {
		return false, nil //nolint:nilerr // without a stream's id the request needs a key first
	}
	s, err := g.openStream(c, id)
	if err == nil && s.Info().Model != name {
		err = badEventID()
	}
	return true, err
}

// pathStream is the route of a stream.
const pathStream = "/v1/streams/:id"

// unidentified returns the error of a request that needs a key.
func unidentified(c *gin.Context) error {
	value, _ := c.Get(keyUnidentified)
	err, _ := value.(error)
	switch {
	case errors.Is(err, auth.ErrConflict):
		return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: "two_credentials", Message: "the request has two different credentials: send one key, in Authorization, X-API-Key or api-key", Cause: err}
	case errors.Is(err, auth.ErrNoLimits):
		return &apierr.Error{Code: apierr.CodeForbidden, Reason: "no_access", Message: "this token is valid, but nothing is allowed to it here", Cause: err}
	case errors.Is(err, auth.ErrTooMany):
		return &apierr.Error{Code: apierr.CodeRateLimited, Message: "too many callers are being served; try again later", RetryAfter: time.Minute, Cause: err}
	case errors.Is(err, auth.ErrUnavailable):
		return &apierr.Error{Code: apierr.CodeAuthUnavailable, Message: "tokens cannot be checked at the moment; try again later", RetryAfter: time.Minute, Cause: err}
	}
	c.Header("WWW-Authenticate", "Bearer")
	if errors.Is(err, auth.ErrNoCredential) {
		return &apierr.Error{Code: apierr.CodeUnauthorized, Reason: "missing_api_key", Message: "this needs an API key: send it as Authorization: Bearer KEY, or as X-API-Key", Cause: err}
	}
	return &apierr.Error{Code: apierr.CodeUnauthorized, Reason: "invalid_api_key", Message: "the API key is not valid", Cause: err}
}

// mayUse returns the error of a caller whose key is not for a model, whether there is such a model
// or not.
func mayUse(c *gin.Context, model string) error {
	id := identityOf(c)
	if id == nil || id.May(model) {
		return nil
	}
	return &apierr.Error{Code: apierr.CodeForbidden, Reason: "model_not_allowed", Message: "this key may not use that model; GET /v1/models lists those that it may", Cause: id.NotAllowed()}
}

// ownerOf identifies the credential that starts a stream.
func ownerOf(c *gin.Context) string {
	if id := identityOf(c); id != nil {
		return id.ID
	}
	return ""
}

// openStream returns the stream of that id, unless the key that started it has been revoked.
func (g *Gateway) openStream(c *gin.Context, id string) (*stream.Stream, error) {
	s, err := g.Engine.Streams().Open(c.Request.Context(), id)
	if err != nil {
		return nil, err
	}
	if g.Auth != nil && !g.Auth.Valid(s.Info().Owner) {
		return nil, &apierr.Error{Code: apierr.CodeNotFound, Message: "there is no such stream, or no longer; start a new one", Cause: errRevoked}
	}
	return s, nil
}

// mayDelete returns the error of a caller that did not start the stream: its address is only the
// right to read it.
func mayDelete(c *gin.Context, s *stream.Stream) error {
	if id := identityOf(c); id != nil && id.ID != s.Info().Owner {
		return &apierr.Error{Code: apierr.CodeForbidden, Reason: "not_yours", Message: "only the key that started a stream may delete it"}
	}
	return nil
}

// credential returns the client's own key, which some upstreams are sent: never one of ours.
func (g *Gateway) credential(c *gin.Context) string {
	if g.Auth == nil {
		return bearer(c.Request.Header)
	}
	return g.Auth.Foreign(c.Request.Header)
}

// reasonFor returns why a model failed, for callers that may use it: without a key only states are
// shown, if there are any keys.
func (g *Gateway) reasonFor(c *gin.Context, m engine.ModelSnapshot) string {
	if id := identityOf(c); g.Auth != nil && (id == nil || !id.May(m.Name)) {
		return ""
	}
	return m.Reason
}
