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

// bodyTimeout is how long a client may pause while it sends its body.
const bodyTimeout = 30 * time.Second

// bodyPrealloc is how much memory a Content-Length alone allocates; more is allocated as the body
// arrives.
const bodyPrealloc = 1 << 20

// readBody reads the request's body to its end, without which net/http does not notice that a
// client disconnects later. The request holds no slot inside a gate meanwhile.
func (g *Gateway) readBody(c *gin.Context) ([]byte, error) {
	if c.Request.ContentLength > g.MaxBody {
		return nil, g.tooLarge()
	}
	var body bytes.Buffer
	body.Grow(int(min(max(0, c.Request.ContentLength), bodyPrealloc)) + bytes.MinRead) // the free space that ReadFrom needs to see the end
	_, err := body.ReadFrom(&deadlineReader{
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

// deadlineReader sets a deadline for every read, and clears it at the end.
type deadlineReader struct {
	from    io.Reader
	control *http.ResponseController
}

func (r *deadlineReader) Read(p []byte) (int, error) {
	_ = r.control.SetReadDeadline(time.Now().Add(bodyTimeout))
	n, err := r.from.Read(p)
	if err != nil {
		_ = r.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// writeJSON writes a response of a value as JSON. It does not escape < and >, as no response is
// part of a page.
func (g *Gateway) writeJSON(c *gin.Context, status int, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	return g.writeBody(c, status, "application/json; charset=utf-8", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// writeBody writes a whole response in parts, each with a deadline of its own.
func (g *Gateway) writeBody(c *gin.Context, status int, contentType string, body []byte) error {
	const part = 64 << 10
	control := controlOf(c)
	h := c.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", fmt.Sprint(len(body)))
	c.Writer.WriteHeader(status)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(g.WriteTimeout))
		n := min(part, len(body))
		if _, err := c.Writer.Write(body[:n]); err != nil {
			return fmt.Errorf("%w: write the response: %w", errBroken, err)
		}
		if body = body[n:]; len(body) == 0 {
			return nil
		}
	}
}
