package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"penstock/apierr"

	"github.com/gin-gonic/gin"
)

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
			return fmt.Errorf("%w: %w: %w", errBroken, errUnsent, err)
		}
		if body = body[n:]; len(body) == 0 {
			return nil
		}
	}
}
