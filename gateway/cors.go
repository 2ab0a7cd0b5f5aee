package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"

	"penstock/dialect/openinference"
)

// answerPages is the middleware that lets pages of the allowed origins read responses, and serves
// the preflights of browsers. Pages of other origins get their preflights too: their requests must
// arrive to be refused by guardHost with a reason that the page can read. A browser that is refused
// a preflight reports nothing.
//
// No page may send credentials of the browser's, as cookies: here are none, and a page that any
// origin may be of must bring a key of its own.
func (g *Gateway) answerPages() gin.HandlerFunc {
	o := cors.Options{
		AllowedMethods:       []string{http.MethodGet, http.MethodPost, http.MethodDelete},
		AllowedHeaders:       []string{"*"},
		ExposedHeaders:       append([]string{headerRequestID, "Location", "Retry-After", openinference.HeaderName}, limitHeaders()...),
		OptionsSuccessStatus: http.StatusNoContent,
	}
	foreign := o
	foreign.AllowedOrigins = []string{"*"}
	foreign.MaxAge = -1 // the operator may allow the origin in a moment
	foreigners := cors.New(foreign)

	o.MaxAge = 600
	o.AllowOriginFunc = g.allowedOrigin
	o.AllowPrivateNetwork = true // as to a server of the reader's own machine
	allowed := cors.New(o)

	return func(c *gin.Context) {
		r := c.Request
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		switch {
		case preflight && !g.allowedOrigin(r.Header.Get("Origin")):
			foreigners.HandlerFunc(c.Writer, r)
		case len(g.Origins) > 0:
			allowed.HandlerFunc(c.Writer, r)
		}
		if preflight {
			setRoute(c, "preflight")
			c.Writer.WriteHeaderNow()
			c.Abort()
		}
	}
}
