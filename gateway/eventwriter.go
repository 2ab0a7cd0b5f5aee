package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// eventWriter writes Server-Sent Events to one connection (WHATWG HTML, 9.2). Events are gathered
// until flush, which sends them in writes of at most batchBytes, each with a deadline of its own;
// the response's head goes out with the first of them, so that until then a failure still has a
// status of its own. It is for one goroutine.
type eventWriter struct {
	c       *gin.Context
	control *http.ResponseController
	timeout time.Duration
	expires time.Time   // the write deadline that is set
	wire    *connection // nil if it is shared
	joints  *sync.Pool
	socket  writability
	media   string      // of the response
	head    *streamHead // of a remote model; may be nil
	buf     []byte
	begun   bool // the head is out, or will be with what is gathered
}

func (g *Gateway) newEventWriter(c *gin.Context) *eventWriter {
	wire := connectionOf(c.Request)
	return &eventWriter{c: c, control: controlOf(c), timeout: g.WriteTimeout, wire: wire, joints: &g.joints, socket: writabilityOf(wire), media: mediaEvents + "; charset=utf-8"}
}

// controlOf returns the controls of a request's connection: net/http's own, as gin's Flush hides
// its error.
func controlOf(c *gin.Context) *http.ResponseController {
	return http.NewResponseController(unwrapped(c.Writer))
}

// Ready implements stream.Sink: whether events of so many bytes can be sent without waiting for the
// reader.
func (s *eventWriter) Ready(size int) bool {
	return s.socket.ready(len(s.buf) + size)
}

// flush sends what is gathered. An error means that the reader is gone or stuck, and that nothing
// more can be sent.
func (s *eventWriter) flush() error {
	err := s.write(s.buf)
	s.buf = s.buf[:0]
	if cap(s.buf) > batchBytes { // one large burst must not keep its memory for the rest of a long stream
		s.buf = nil
	}
	return err
}

// write sends bytes in pieces: a reader that is far behind and reads on must not exceed the
// deadline of a write.
func (s *eventWriter) write(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), batchBytes)
		if err := s.writePiece(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (s *eventWriter) writePiece(p []byte) error {
	send := s.send
	if !s.c.Writer.Written() {
		send = s.sendHead
		h := s.c.Writer.Header()
		s.head.copyTo(h)
		h.Set("Content-Type", s.media)
		h.Set("Cache-Control", "no-cache, no-transform")
		h.Set("X-Accel-Buffering", "no")
		s.c.Writer.WriteHeader(http.StatusOK)
	}
	// Setting a deadline costs more than reading the clock: it is set a quarter too far ahead, and
	// moved once that is used up.
	if now := time.Now(); s.expires.Sub(now) < s.timeout {
		s.expires = now.Add(s.timeout + s.timeout/4)
		if err := s.control.SetWriteDeadline(s.expires); err != nil {
			return fmt.Errorf("%w: set the write deadline: %w", errUnsent, err)
		}
	}
	s.socket.wrote(len(p))
	err := send(p)
	if err == nil && deadlineRunsOn(s.c.Request) {
		s.expires = time.Time{}
		err = s.control.SetWriteDeadline(s.expires)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return nil
}

// sendHead is send for the first write, which writes the head too. That needs a deep stack for a
// moment, which its caller's goroutine, the handler's or the producer's, would keep for as long as
// the stream is open: 8 KiB of each.
func (s *eventWriter) sendHead(p []byte) error {
	sent := make(chan error, 1)
	go func() { sent <- s.send(p) }()
	return <-sent
}

// send writes bytes, in one write where the connection serves no other request.
func (s *eventWriter) send(p []byte) (err error) {
	write := func() error {
		if _, err := s.c.Writer.Write(p); err != nil {
			return err
		}
		return s.control.Flush()
	}
	if s.wire == nil || len(p) <= unsplit {
		return write()
	}
	joint, _ := s.joints.Get().(*[]byte)
	if joint == nil {
		joint = new([]byte)
	}
	*joint, err = s.wire.joined(*joint, write)
	s.joints.Put(joint)
	return err
}

// deadlineRunsOn reports whether a write deadline must be cleared when the write is done: HTTP/2
// resets a stream whose deadline passes, even if nothing is being written then.
func deadlineRunsOn(r *http.Request) bool { return r.ProtoMajor > 1 }
