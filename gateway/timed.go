package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// timed adapts a handler that knows no deadlines, as those of libraries: each of its writes has
// one.
func (g *Gateway) timed(h gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Writer = &timedWriter{c.Writer, controlOf(c), g.WriteTimeout}
		h(c)
	}
}

type timedWriter struct {
	gin.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

func (w *timedWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout))
	return w.ResponseWriter.Write(p)
}

func (w *timedWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Unwrap returns the connection's own writer, which controlOf looks for.
func (w *timedWriter) Unwrap() http.ResponseWriter { return unwrapped(w.ResponseWriter) }

// unwrapped returns the connection's own writer, below gin's.
func unwrapped(w http.ResponseWriter) http.ResponseWriter {
	if wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return wrapper.Unwrap()
	}
	return w
}
