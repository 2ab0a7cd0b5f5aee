package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// passthrough is a dialect.Passthrough that goes straight to the client: a remote model's head and
// body, copied as they come.
type passthrough struct {
	c       *gin.Context
	control *http.ResponseController
	timeout time.Duration
	limited bool // by us: a server's own limits are not the client's
	begun   bool // the head has been written
}

func (g *Gateway) newPassthrough(c *gin.Context) *passthrough {
	return &passthrough{c: c, control: controlOf(c), timeout: g.WriteTimeout, limited: identityOf(c) != nil}
}

// Head implements dialect.Passthrough.
func (p *passthrough) Head(status int, header http.Header) {
	p.begun = true
	maps.Copy(p.c.Writer.Header(), passedOn(header, p.limited))
	p.c.Writer.WriteHeader(status)
}

// Write implements dialect.Passthrough. Each write has a deadline of its own.
func (p *passthrough) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, fmt.Errorf("set the write deadline: %w", err)
	}
	n, err := p.c.Writer.Write(b)
	if err == nil && deadlineRunsOn(p.c.Request) {
		if err = p.control.Flush(); err == nil { // what is buffered would be written without a deadline
			err = p.control.SetWriteDeadline(time.Time{})
		}
	}
	return n, err
}

// streamHead is the dialect.Passthrough of a stream: it takes a remote model's head, from the
// producer's goroutine, for the handler to send with its first event. A head that comes after that
// is not sent.
type streamHead struct {
	mu     sync.Mutex
	header http.Header

	limited bool // by us: a server's own limits are not the client's
}

// Head implements dialect.Passthrough.
func (h *streamHead) Head(_ int, header http.Header) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.header = header
}

// Write implements dialect.Passthrough; a stream's body goes through its log.
func (h *streamHead) Write([]byte) (int, error) {
	return 0, errors.New("the body of a stream is not passed through")
}

// copyTo copies what has come into the response's header.
func (h *streamHead) copyTo(header http.Header) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, values := range passedOn(h.header, h.limited) {
		if name != "Content-Type" && name != "Content-Length" {
			header[name] = values
		}
	}
}
