package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
)

// After bodyGrace a body must have come at bodyRate or faster on average: a client that sends a
// byte at a time holds its connection for no longer than that.
const (
	bodyGrace = 10 * time.Second
	bodyRate  = 1 << 10 // bytes a second
)

// bodyStep is how much memory is reserved and allocated at first. It grows as the body
// arrives: what a Content-Length declares reserves nothing.
const bodyStep = 4 << 10

// trusted is the part of a declared length whose arrival makes the rest worth its memory.
const trusted = 4

// readBody reads the request's body with readBytes, and reserves what decoding it takes.
func (g *Gateway) readBody(c *gin.Context) ([]byte, error) {
	body, err := g.readBytes(c)
	return g.reserveDecoding(c, body, err)
}

// readBytes reads the request's body to its end, without which net/http does not notice that a
// client disconnects later. The request holds no slot inside a gate meanwhile, and memory only for
// what has arrived; that is held until the request is over. A body that is still on its way when
// the engine drains is refused. A body with a content coding is decoded.
func (g *Gateway) readBytes(c *gin.Context) ([]byte, error) {
	codings, err := contentCodings(c)
	if err != nil {
		return nil, err
	}
	if c.Request.ContentLength > g.MaxBody {
		return nil, g.tooLarge()
	}
	if c.Request.Body == nil || c.Request.Body == http.NoBody {
		return []byte{}, nil
	}
	r := &bodyReader{
		from:    http.MaxBytesReader(c.Writer, c.Request.Body, g.MaxBody),
		control: controlOf(c), began: time.Now(), timeout: g.BodyTimeout, drain: g.Engine.DrainBegun(),
	}
	stop := r.watch()
	body, err := g.readReserved(c, r, c.Request.ContentLength)
	stop()
	if err == nil {
		_ = r.control.SetReadDeadline(time.Time{})
		return g.decodeBody(c, codings, body)
	}
	// What is left of the body is not waited for.
	_ = r.control.SetReadDeadline(past)
	if c.Request.ProtoMajor == 1 {
		c.Header("Connection", "close")
	}
	return nil, g.bodyError(r, err)
}

// readReserved reads into memory that is reserved before it is allocated. The buffer grows by half,
// and not as a bytes.Buffer does, which doubles also where less is asked for. Once a quarter of a
// declared length has come, it grows to that: outgrown buffers are garbage, which no budget counts.
// A length of -1 is unknown.
func (g *Gateway) readReserved(c *gin.Context, r io.Reader, declared int64) ([]byte, error) {
	held := g.heldOf(c)
	var body []byte
	for {
		if len(body) == cap(body) {
			next := cap(body) + max(bodyStep, cap(body)/2)
			if known := declared + 1; known > int64(cap(body)) { // the free byte shows the end
				if next = int(min(int64(next), known)); int64(len(body)) >= known/trusted {
					next = int(known)
				}
			}
			if err := held.body.Grow(c.Request.Context(), int64(next-cap(body))); err != nil {
				return nil, err
			}
			body = append(make([]byte, 0, next), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// bodyError explains why a body was not read to its end.
func (g *Gateway) bodyError(r *bodyReader, err error) error {
	if own, ok := errors.AsType[*apierr.Error](err); ok {
		return own
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return g.tooLarge()
	}
	cause := fmt.Errorf("read the body: %w", err)
	switch {
	case r.drained():
		return &apierr.Error{Code: apierr.CodeDraining, Message: "the server is shutting down, and the body had not come whole; send it to another server", RetryAfter: time.Second, Cause: cause}
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: "bad_body", Message: "the body did not come whole, or not as HTTP frames it; send it again", Cause: cause}
	case time.Since(r.began) >= r.timeout:
		return &apierr.Error{Code: apierr.CodeBodyTimeout, Message: fmt.Sprintf("the body did not come whole within %v (server.body_timeout)", r.timeout), Cause: cause}
	}
	return &apierr.Error{Code: apierr.CodeBodyTimeout, Message: fmt.Sprintf("the body comes too slowly: after %v it must have come at %s a second or more, and whole within %v (server.body_timeout)", bodyGrace, bytesOf(bodyRate), r.timeout), Cause: cause}
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// bodyReader reads a body with a deadline for the whole and one for its rate, and until a drain
// begins.
type bodyReader struct {
	from    io.Reader
	control *http.ResponseController
	began   time.Time
	timeout time.Duration
	drain   <-chan struct{}
	read    int64
}

func (r *bodyReader) Read(p []byte) (int, error) {
	rate := max(bodyGrace, time.Duration(r.read)*time.Second/bodyRate)
	_ = r.control.SetReadDeadline(r.began.Add(min(r.timeout, rate)))
	if r.drained() {
		_ = r.control.SetReadDeadline(past)
	}
	n, err := r.from.Read(p)
	r.read += int64(n)
	return n, err
}

func (r *bodyReader) drained() bool {
	select {
	case <-r.drain:
		return true
	default:
		return false
	}
}

// watch interrupts the reading when a drain begins, until stop is called.
func (r *bodyReader) watch() (stop func()) {
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-r.drain:
			_ = r.control.SetReadDeadline(past)
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-stopped
	}
}

// decoding is how much memory decoding takes at most, by bytes of a body: see package strictjson,
// which refuses bodies that would take more.
const decoding = 3

// reserveDecoding reserves what decoding makes of a body, and returns the body.
func (g *Gateway) reserveDecoding(c *gin.Context, body []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return body, g.heldOf(c).decode.Grow(c.Request.Context(), decoding*int64(len(body)))
}
