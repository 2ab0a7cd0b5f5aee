package gateway

import (
	"github.com/gin-gonic/gin"

	"penstock/engine"
)

const keyCaller = "caller"

// identify is the middleware that determines the caller, once for the whole request: gate, streams,
// metrics and log use the same caller. It is the client's address, unless authenticate finds a key.
func identify(c *gin.Context) {
	a := accessOf(c)
	c.Set(keyCaller, engine.Caller{Name: addressName(a.client), Trace: &a.trace})
}

// callerOf returns the request's caller.
func callerOf(c *gin.Context) engine.Caller {
	caller, _ := c.MustGet(keyCaller).(engine.Caller)
	return caller
}
