package gateway

import (
	"errors"
	"fmt"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/engine"
)

// errRefused ends a stream that failed before anything was sent: its failure becomes a status.
var errRefused = errors.New("the stream failed before its first event")

// pieceBytes is how much is gathered for one write. A write's deadline is for readers that are stuck: one who is far behind
// and reads on must not meet it, nor need a buffer for all that he has missed.
const pieceBytes = 64 << 10

// outlet is a connection as an engine.Sink. render and chunk gather an event in the words of a dialect; what has been
// gathered goes out together once nothing more is at hand. It is used by one goroutine at a time.
type outlet struct {
	*eventStream
	again  bool               // the reader has been here before: it is told of failures by events only
	render func(engine.Event) // but chunks
	chunk  func(c engine.Encoded, seq int64)
	failed *apierr.Error // the stream's
	err    error         // why the outlet takes no more
}

// Event implements engine.Sink.
func (o *outlet) Event(ev engine.Event, more bool) bool {
	if ev.Kind == engine.EventFailed {
		o.failed = ev.Err
		// Who comes to a stream that somebody else has canceled hears so by an event: that has no status.
		if !o.begun && !o.again && ev.Err.Code != apierr.CodeCanceled {
			o.err = errRefused
			return false
		}
	}
	o.render(ev)
	return o.gathered(more)
}

// Chunks implements engine.Sink.
func (o *outlet) Chunks(chunks []engine.Encoded, first int64, more bool) bool {
	for i, c := range chunks {
		o.chunk(c, first+int64(i))
		if !o.gathered(more || i < len(chunks)-1) {
			return false
		}
	}
	return true
}

// gathered sends what has been gathered, unless more comes that can go with it.
func (o *outlet) gathered(more bool) (stays bool) {
	if more && len(o.buf) < pieceBytes {
		return true
	}
	o.err = o.flush()
	return o.err == nil
}

// run follows the stream to its end. The error it returns is the request's: the stream's failure if there is still a status
// to say it with, else errBroken where the reader did not get all. A stream's failure that the reader was told of is no
// error, but noted.
func (o *outlet) run(g *Gateway, c *gin.Context, s *engine.Stream, after int64) error {
	err := s.Serve(c.Request.Context(), after, g.Heartbeat, o)
	switch {
	case errors.Is(o.err, errRefused):
		return o.failed
	case o.err != nil:
		err = o.err
	case err == nil && o.again && !o.begun: // the last chunk was the end, and the reader has had it
		err = engine.ErrOver
	case err == nil:
		if o.failed != nil {
			noteCause(c, o.failed)
		}
		return nil
	}
	if nothingLeft(c, err) {
		return nil
	}
	if !o.begun && !errors.Is(err, engine.ErrSlowReader) {
		return err
	}
	g.Metrics.readerDropped(err)
	return fmt.Errorf("%w: %w", errBroken, err)
}
