package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"penstock/apierr"

	"github.com/gin-gonic/gin"
)

// bodyPatience is how long a client may pause while it sends its body: it holds a place meanwhile.
const bodyPatience = 30 * time.Second

// bodyAhead is how much memory a client gets by merely saying how long its body will be; for more it has to send something.
const bodyAhead = 1 << 20

// readBody reads the request's body to its end, which is also what lets net/http notice a client that leaves later.
func (g *Gateway) readBody(c *gin.Context) ([]byte, error) {
	if c.Request.ContentLength > g.MaxBody {
		return nil, g.tooLarge()
	}
	var body bytes.Buffer
	body.Grow(int(min(max(0, c.Request.ContentLength), bodyAhead)) + bytes.MinRead) // what reading to the end wants to have free
	_, err := body.ReadFrom(&patientReader{
		from:    http.MaxBytesReader(c.Writer, c.Request.Body, g.MaxBody),
		control: controlOf(c),
	})
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, g.tooLarge()
		}
		return nil, &apierr.Error{Code: apierr.CodeInvalidInput, Reason: "bad_body", Message: "the body did not come whole, or not as HTTP frames it; send it again", Cause: fmt.Errorf("read the body: %w", err)}
	}
	return body.Bytes(), nil
}

func (g *Gateway) tooLarge() error {
	return &apierr.Error{Code: apierr.CodeBodyTooLarge, Message: "the body is larger than the " + bytesOf(g.MaxBody) + " taken here"}
}

// bytesOf writes a size as configurations do.
func bytesOf(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// patientReader gives every read its own deadline, and takes the deadline away at the end.
type patientReader struct {
	from    io.Reader
	control *http.ResponseController
}

func (r *patientReader) Read(p []byte) (int, error) {
	_ = r.control.SetReadDeadline(time.Now().Add(bodyPatience))
	n, err := r.from.Read(p)
	if err != nil {
		_ = r.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// readUnrouted reads a body whose model is named inside it. As the model's own gate cannot be asked first, no more of
// them are read at once than the gates could hold together.
func (g *Gateway) readUnrouted(c *gin.Context) ([]byte, error) {
	select {
	case g.bodies <- struct{}{}:
		defer func() { <-g.bodies }()
		return g.readBody(c)
	default:
		return nil, &apierr.Error{Code: apierr.CodeQueueFull, Message: "too many requests are being read; try again later", RetryAfter: time.Second}
	}
}

// answer writes a value as JSON. Text stays readable: nothing here is ever part of a page, so < and > stand for themselves.
func (g *Gateway) answer(c *gin.Context, status int, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return g.writeBody(c, status, "application/json; charset=utf-8", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// writeBody writes a whole answer, each piece under a deadline of its own.
func (g *Gateway) writeBody(c *gin.Context, status int, contentType string, body []byte) error {
	const piece = 64 << 10
	control := controlOf(c)
	h := c.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.Writer.WriteHeader(status)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(g.WriteTimeout))
		n := min(piece, len(body))
		if _, err := c.Writer.Write(body[:n]); err != nil {
			return fmt.Errorf("%w: write the answer: %w", errBroken, err)
		}
		if body = body[n:]; len(body) == 0 {
			return nil
		}
	}
}
