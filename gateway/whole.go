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
	limited bool   // by us: a server's own limits are not the client's
	begun   bool   // the head has been written
	last    []byte // the last byte of what came, which is not written before the run has ended
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

// Write implements dialect.Passthrough. It holds the last byte back until more comes, or finish is
// called: no client sees the end of a response before its tokens have been charged.
func (p *passthrough) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	end := len(b) - 1
	err := p.write(p.last, b[:end])
	p.last = append(p.last[:0], b[end])
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// finish writes the end of a response whose run has ended well.
func (p *passthrough) finish() error {
	if err := p.write(p.last); err != nil {
		return fmt.Errorf("%w: %w: %w", errBroken, errUnsent, err)
	}
	return nil
}

// write has a deadline of its own.
func (p *passthrough) write(parts ...[]byte) error {
	if err := p.control.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	for _, part := range parts {
		if _, err := p.c.Writer.Write(part); err != nil {
			return err
		}
	}
	if !deadlineRunsOn(p.c.Request) {
		return nil
	}
	if err := p.control.Flush(); err != nil { // what is buffered would be written without a deadline
		return err
	}
	return p.control.SetWriteDeadline(time.Time{})
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
