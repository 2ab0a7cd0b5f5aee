package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/dialect"
	"penstock/outbound"
)

// setClient gives a model what it may pass on of the client: its headers and its own key.
func (g *Gateway) setClient(c *gin.Context, call *dialect.Call) {
	call.Header = g.clientHeader(c)
	call.Credential = g.credential(c)
}

// clientHeader returns the client's headers without those that are for this gateway: credentials
// that may be ours, the address of a stream, and what belongs to the connection. Authorization is
// among them only if it is the client's own.
func (g *Gateway) clientHeader(c *gin.Context) http.Header {
	h := outbound.EndToEnd(c.Request.Header)
	delete(h, "Last-Event-Id") // a stream's id is the right to read it
	if g.Auth == nil {
		return h
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "Api-Key"} {
		delete(h, name)
	}
	if key := g.credential(c); key != "" {
		h["Authorization"] = []string{"Bearer " + key}
	}
	return h
}
