package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
	"penstock/stream"
)

var (
	// errRefused ends a stream that failed before anything was sent: its failure becomes a status.
	errRefused = errors.New("the stream failed before its first event")
	// errForged reports an event within a stream that clients would take for its end.
	errForged = errors.New("an event of the stream would pass for its end")
)

// batchBytes is how much is gathered for one write, and the most that one writes. A write's
// deadline is for clients that are stuck: one that is far behind and reads on must not exceed it,
// nor need a buffer for all that it has missed, nor for a large event.
const batchBytes = 64 << 10

// position is where in a stream a connection begins.
type position struct {
	after int64 // the number of the last event that the client has had; 0: none
	again bool  // the client has been here before: it gets events now, not statuses
}

// follow sends a stream's events from some position on, as they are in the log, and its terminal
// event only if that was sealed. An OpenAI stream that failed after its first byte ends with an
// error event, and then the connection is broken off without the clean end of its chunked body.
func (g *Gateway) follow(c *gin.Context, s *stream.Stream, from position, head *streamHead) error {
	codec, ok := g.codecs.named(dialect.Name(s.Info().Dialect))
	if !ok {
		return fmt.Errorf("stream of model %q: no codec for dialect %q", s.Info().Model, s.Info().Dialect)
	}
	id, err := sse.ParseID(s.ID())
	if err != nil {
		return fmt.Errorf("stream of model %q: %w", s.Info().Model, err)
	}
	native := codec.Name() == dialect.Native
	f := &follower{
		eventWriter: g.newEventWriter(c), codec: codec, model: s.Info().Model, id: id,
		checks:  s.Resumable() || s.Info().Verb != verbGenerate,
		opening: native, numbered: native || s.Resumable(), from: from, retry: g.Retry,
		heartbeat: heartbeatFor(c.Request),
	}
	f.head = head
	if err := f.run(g, c, s); err != nil {
		return err
	}
	if f.failed != nil && !native {
		return errBroken
	}
	return nil
}

// follower is a connection as a stream.Sink: it renders events, and sends what it has gathered
// once nothing more follows at once. It is used by one goroutine at a time.
type follower struct {
	*eventWriter
	codec    dialect.Codec
	model    string
	id       sse.ID // the stream's
	opening  bool   // the connection opens with an id and the reconnection time
	numbered bool   // events carry ids
	checks   bool   // events may end the stream that should not
	// heartbeat appends a heartbeat.
	heartbeat func(buf []byte) []byte
	from      position
	retry     time.Duration

	chunks int       // events sent
	first  time.Time // when the first of them was

	failed *apierr.Error // the stream's failure
	err    error         // why the follower takes no more
}

// heartbeatFor returns what appends a heartbeat for a client. Older versions of OpenAI's own SDKs
// take the empty line after a comment for an event, which they cannot read. All others get one:
// readers that split a stream at empty lines, and skip what begins with a colon, would lose the
// event behind the comment.
func heartbeatFor(r *http.Request) func(buf []byte) []byte {
	if r.Header.Get("X-Stainless-Lang") != "" {
		return sse.AppendHeartbeatLine
	}
	return sse.AppendHeartbeat
}

// open gathers what opens a connection.
func (f *follower) open() {
	if f.opening && !f.begun {
		f.begun = true
		f.buf = sse.AppendOpening(f.buf, sse.NumberedID(f.id, f.from.after), f.retry)
	}
}

// Notice implements stream.Sink.
func (f *follower) Notice(n stream.Notice, more bool) bool {
	if n.Kind == stream.Idle {
		f.open()
		f.begun = true
		f.buf = f.heartbeat(f.buf)
		return f.gathered(more)
	}
	if e, ok := f.codec.Notice(dialect.Notice{Position: n.Position, Model: f.model}); ok {
		f.open()
		f.begun = true
		f.buf = e.Append(f.buf, sse.ID{})
	}
	return f.gathered(more)
}

// Events implements stream.Sink. The events of a plain stream of a language model are those of an
// encoder; others, of a store or of a generator with an encoding of its own, are checked here.
func (f *follower) Events(events []sse.Event, first int64, more bool) bool {
	f.open()
	if f.chunks == 0 && len(events) > 0 {
		f.first = time.Now()
	}
	f.chunks += len(events)
	for i, e := range events {
		if f.checks && f.codec.Ends(e) {
			f.err = errForged
			return false
		}
		f.event(e, first+int64(i))
		if f.err != nil || !f.gathered(more || i < len(events)-1) {
			return false
		}
	}
	return true
}

// End implements stream.Sink.
func (f *follower) End(t stream.Terminal, number int64) bool {
	if t.Err != nil {
		f.failed = t.Err
		// A stream that was canceled by another client has no status: its readers get an event.
		if !f.begun && !f.from.again && t.Err.Code != apierr.CodeCanceled {
			f.err = errRefused
			return false
		}
	}
	f.open()
	for _, e := range t.Prelude {
		f.buf = e.Append(f.buf, sse.ID{})
	}
	f.event(t.Event, number)
	return f.err == nil && f.gathered(false)
}

// event gathers an event. A large one is sent as it is gathered, but for its end.
func (f *follower) event(e sse.Event, number int64) {
	f.begun = true
	if len(e.Data) >= batchBytes {
		var id sse.ID
		if f.numbered {
			id = f.id
		}
		f.buf, f.err = e.AppendInPieces(f.buf, id, number, batchBytes, func(buf []byte) ([]byte, error) {
			return buf[:0], f.write(buf)
		})
		return
	}
	if f.numbered {
		f.buf = e.AppendNumbered(f.buf, f.id, number)
	} else {
		f.buf = e.Append(f.buf, sse.ID{})
	}
}

// gathered sends what has been gathered, unless more follows that can go with it.
func (f *follower) gathered(more bool) (stays bool) {
	if more && len(f.buf) < batchBytes {
		return true
	}
	f.err = f.flush()
	return f.err == nil
}

// run follows the stream to its end. The error it returns is the request's: the stream's failure
// if there is still a status to report it with, else errBroken where the client did not get all. A
// failure of the stream that the client was sent is no error, but noted.
func (f *follower) run(g *Gateway, c *gin.Context, s *stream.Stream) error {
	err := s.Serve(c.Request.Context(), f.from.after, g.Heartbeat, f)
	a := accessOf(c)
	a.chunks, a.first = f.chunks, f.first
	switch {
	case errors.Is(f.err, errRefused):
		return f.failed
	case f.err != nil:
		err = f.err
	case err == nil:
		if f.failed != nil {
			noteCause(c, f.failed)
		}
		return nil
	}
	if nothingLeft(c, err) {
		return nil
	}
	if !f.begun && !errors.Is(err, stream.ErrSlowReader) {
		return err
	}
	g.Metrics.readerDropped(err)
	return fmt.Errorf("%w: %w", errBroken, err)
}
