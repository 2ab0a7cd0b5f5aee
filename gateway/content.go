package gateway

import (
	"io"
	"log/slog"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// maxContent is how many bytes of a request and of its response the log has at most.
const maxContent = 16 << 10

// content keeps the beginnings of a request and its response for the log.
type content struct {
	query    beginning
	request  beginning
	response beginning
}

// captureContent keeps what the request's body and its response begin with from now on.
func captureContent(c *gin.Context) *content {
	k := &content{}
	k.query.add([]byte(c.Request.URL.RawQuery))
	if c.Request.Body != nil {
		c.Request.Body = &capturedBody{c.Request.Body, &k.request}
	}
	c.Writer = &capturedResponse{c.Writer, &k.response}
	return k
}

func (k *content) attrs() (attrs []slog.Attr) {
	if query := k.query.text(); query != "" {
		attrs = append(attrs, slog.String("query", query))
	}
	return append(attrs, slog.String("request", k.request.text()), slog.String("response", k.response.text()))
}

// beginning is the first maxContent bytes of what is added to it.
type beginning struct {
	mu    sync.Mutex
	bytes []byte
	more  bool
}

func (b *beginning) add(p []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(p), maxContent-len(b.bytes))
	b.bytes = append(b.bytes, p[:n]...)
	b.more = b.more || n < len(p)
}

// replace puts the beginning of p in the place of what was added.
func (b *beginning) replace(p []byte) {
	b.mu.Lock()
	b.bytes, b.more = nil, false
	b.mu.Unlock()
	b.add(p)
}

// text returns the beginning; of bytes that are no text, as a picture's, it says so only.
func (b *beginning) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.bytes
	for cut := 0; b.more && cut < utf8.UTFMax && !utf8.Valid(text); cut++ {
		text = text[:len(text)-1]
	}
	switch {
	case !utf8.Valid(text):
		return "(no text)"
	case b.more:
		return string(text) + "…"
	}
	return string(text)
}

// capturedBody is a request's body of which the beginning is kept.
type capturedBody struct {
	io.ReadCloser
	kept *beginning
}

func (b *capturedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.kept.add(p[:n])
	return n, err
}

// capturedResponse is a response of which the beginning is kept.
type capturedResponse struct {
	gin.ResponseWriter
	kept *beginning
}

func (r *capturedResponse) Write(p []byte) (int, error) {
	r.kept.add(p)
	return r.ResponseWriter.Write(p)
}

func (r *capturedResponse) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// Unwrap returns the connection's own writer, which controlOf looks for.
func (r *capturedResponse) Unwrap() http.ResponseWriter { return unwrapped(r.ResponseWriter) }
