package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	headerRequestID = "X-Request-Id"
	keyRequestID    = "request id"
	keyRoute        = "route"
	keyModel        = "model"
	keyProbe        = "probe" // true of requests that probes send, on a route that is for others too
)

// observe is the outermost middleware: it sets the request's id, and counts and logs the request
// once it is over.
func (g *Gateway) observe(c *gin.Context) {
	a := g.newAccess(c)
	id := c.GetHeader(headerRequestID)
	if !saneID(id) {
		var b [16]byte
		rand.Read(b[:]) // never fails
		id = hex.EncodeToString(b[:])
	}
	c.Set(keyRequestID, id)
	c.Header(headerRequestID, id)
	// A deadline set for an earlier response on this connection must not end this one.
	_ = controlOf(c).SetWriteDeadline(time.Time{})

	defer func() { g.over(c, a) }()
	c.Next()
}

// monitoring reports whether a request only reads the server's state, as monitors and the
// playground do all the time.
func monitoring(c *gin.Context) bool {
	switch routeOf(c) {
	case "/healthz", "/health", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2/models/{name}/ready", "/metrics", "/v1/models",
		pathPing, routeLoaded:
		return true
	}
	return c.GetBool(keyProbe)
}

// recoverPanics turns a panic into a 500, and lets through http.ErrAbortHandler, which breaks off a
// connection on purpose and which gin.Recovery swallows.
func (g *Gateway) recoverPanics(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		c.Abort()
		g.failAny(c, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}()
	c.Next()
}

// saneID reports whether a client's request id may go into headers and logs as it is.
func saneID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, r := range []byte(id) {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.IndexByte("-_.:@/=+", r) >= 0:
		default:
			return false
		}
	}
	return true
}

func requestID(c *gin.Context) string { return c.GetString(keyRequestID) }

// routeOf names the request's route for metrics and the log; it never holds what the client sent.
func routeOf(c *gin.Context) string {
	if r := c.GetString(keyRoute); r != "" {
		return r
	}
	if r := c.FullPath(); r != "" {
		return r
	}
	return "other"
}

// setRoute names the route where the path's pattern is not enough.
func setRoute(c *gin.Context, route string) { c.Set(keyRoute, route) }
