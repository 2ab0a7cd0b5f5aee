package gateway

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// wholeAnswer is an engine.Answer that goes straight to the client: a remote model's head and body, copied as they come.
type wholeAnswer struct {
	c       *gin.Context
	control *http.ResponseController
	timeout time.Duration
}

func (g *Gateway) newWholeAnswer(c *gin.Context) *wholeAnswer {
	return &wholeAnswer{c: c, control: controlOf(c), timeout: g.WriteTimeout}
}

// Head implements engine.Answer.
func (a *wholeAnswer) Head(status int, header map[string][]string) {
	maps.Copy(a.c.Writer.Header(), header)
	a.c.Writer.WriteHeader(status)
}

// Write implements engine.Answer. Each write has a deadline of its own.
func (a *wholeAnswer) Write(p []byte) (int, error) {
	if err := a.control.SetWriteDeadline(time.Now().Add(a.timeout)); err != nil {
		return 0, fmt.Errorf("set the write deadline: %w", err)
	}
	n, err := a.c.Writer.Write(p)
	if err == nil && deadlineRunsOn(a.c.Request) {
		if err = a.control.Flush(); err == nil { // what waited in a buffer would be written without a deadline
			err = a.control.SetWriteDeadline(time.Time{})
		}
	}
	return n, err
}

// streamHead is the engine.Answer of a stream: it takes a remote model's head, from the producer's goroutine, for the
// handler to send with its first event. Once that is out, a head comes too late and is not sent.
type streamHead struct {
	mu     sync.Mutex
	header http.Header
}

// Head implements engine.Answer.
func (h *streamHead) Head(_ int, header map[string][]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.header = header
}

// Write implements engine.Answer; a stream's body goes through its log.
func (h *streamHead) Write([]byte) (int, error) {
	return 0, fmt.Errorf("a stream's answer takes no body")
}

// copyTo puts what has come into the response's header.
func (h *streamHead) copyTo(header http.Header) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, values := range h.header {
		if name != "Content-Type" && name != "Content-Length" {
			header[name] = values
		}
	}
}
