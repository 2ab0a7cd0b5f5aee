package gateway

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/zstd"

	"penstock/apierr"
)

// The content codings of bodies, as Content-Encoding names them (RFC 9110, 8.4.1).
const (
	codingGzip    = "gzip"
	codingDeflate = "deflate"
	codingBrotli  = "br"
	codingZstd    = "zstd"
)

// acceptedCodings is what the response to another coding lists, in Accept-Encoding (RFC 9110,
// 12.5.3) and in its message.
const acceptedCodings = codingGzip + ", " + codingDeflate + ", " + codingBrotli + ", " + codingZstd

// maxCodings is how many codings a body may have, one within the other. Clients use one, and a
// proxy may add one.
const maxCodings = 3

// zstdWindow is how far a body may refer back within itself. It is what every recipient of this
// coding must support, and senders must not exceed (RFC 9659).
const zstdWindow = 8 << 20

// decoderMemory is what the decoder of a coding takes at most: its window and its tables.
var decoderMemory = map[string]int64{
	codingGzip:    64 << 10,
	codingDeflate: 64 << 10,
	codingBrotli:  20 << 20, // a window of up to 16 MiB (RFC 7932), and 256 trees for each kind of symbol
	codingZstd:    zstdWindow + 1<<20,
}

// contentCodings returns the codings of the request's body, the one that was applied last at the
// end. They are checked before the body is read: none that is not known is waited for.
func contentCodings(c *gin.Context) ([]string, error) {
	var codings []string
	for _, line := range c.Request.Header["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			coding = strings.ToLower(strings.TrimSpace(coding))
			switch coding {
			case "", "identity":
				continue
			case "x-gzip": // RFC 9110, 8.4.1.3
				coding = codingGzip
			}
			if _, known := decoderMemory[coding]; !known {
				return nil, unsupportedCoding(c, "Content-Encoding "+quoted(coding)+" is not supported")
			}
			codings = append(codings, coding)
		}
	}
	if len(codings) > maxCodings {
		return nil, unsupportedCoding(c, fmt.Sprintf("the body has %d content codings, and may have %d", len(codings), maxCodings))
	}
	return codings, nil
}

func unsupportedCoding(c *gin.Context, what string) error {
	c.Header("Accept-Encoding", acceptedCodings)
	return &apierr.Error{
		Code: apierr.CodeUnsupportedMediaType, Reason: "unsupported_encoding",
		Message: what + ": send the body as it is, or in one of " + acceptedCodings,
	}
}

// decodeBody decodes a body that has come whole, so that what decoders take is not held while a
// client sends. The decoded body is bounded as others are, and so is what each coding yields: a
// small body that would become a large one is refused as soon as it exceeds the limit. All memory
// is reserved before it is allocated. From here on the request is one without a Content-Encoding.
func (g *Gateway) decodeBody(c *gin.Context, codings []string, encoded []byte) ([]byte, error) {
	c.Request.Header.Del("Content-Encoding")
	if len(codings) == 0 || len(encoded) == 0 {
		return encoded, nil
	}
	held := g.heldOf(c)
	var decoders int64
	for _, coding := range codings {
		decoders += decoderMemory[coding]
	}
	if err := held.decode.Grow(c.Request.Context(), decoders); err != nil {
		return nil, err
	}
	defer held.decode.Shrink(decoders)

	var r io.Reader = bytes.NewReader(encoded)
	for _, coding := range slices.Backward(codings) {
		d, err := newDecoder(coding, r, g.MaxBody)
		if err != nil {
			return nil, g.undecodable(err)
		}
		defer d.close()
		r = d
	}
	body, err := g.readReserved(c, r, -1)
	if err != nil {
		return nil, g.undecodable(err)
	}
	held.body.Shrink(int64(cap(encoded)))
	if content := accessOf(c).content; content != nil {
		content.request.replace(body)
	}
	return body, nil
}

// codingError is a failure to decode.
type codingError struct {
	coding string
	cause  error
}

// Error implements error.
func (e *codingError) Error() string { return "decode " + e.coding + ": " + e.cause.Error() }

// Unwrap returns the cause.
func (e *codingError) Unwrap() error { return e.cause }

// errDecodedTooLarge ends the decoding of a body that is too large.
var errDecodedTooLarge = errors.New("more than the limit")

// undecodable returns the client's error of a body that was not decoded. One that is no codingError
// is one already.
func (g *Gateway) undecodable(err error) error {
	failed, ok := errors.AsType[*codingError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, errDecodedTooLarge):
		return &apierr.Error{Code: apierr.CodeBodyTooLarge, Message: "the body is decoded larger than the " + bytesOf(g.MaxBody) + " taken here", Cause: err}
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return &apierr.Error{
			Code: apierr.CodeInvalidInput, Reason: "bad_encoding", Cause: err,
			Message: "the body's " + failed.coding + " needs a window of more than " + bytesOf(zstdWindow) + ", which no sender may use over HTTP (RFC 9659): use a lower level, or no long mode",
		}
	}
	return &apierr.Error{
		Code: apierr.CodeInvalidInput, Reason: "bad_encoding", Cause: err,
		Message: "the body is not whole, valid " + failed.coding + ", as its Content-Encoding says that it is",
	}
}

// decoder decodes one coding. It fails if that yields more than a limit, or ends before its source
// does. A failure is a *codingError, unless its source has failed.
type decoder struct {
	coding string
	from   *bufio.Reader
	to     io.Reader
	close  func()
	left   int64 // bytes that may yet come
}

// newDecoder returns a decoder, which must be closed.
func newDecoder(coding string, from io.Reader, limit int64) (*decoder, error) {
	d := &decoder{coding: coding, from: bufio.NewReader(from), left: limit, close: func() {}}
	var err error
	switch coding {
	case codingGzip:
		d.to, err = gzip.NewReader(d.from)
	case codingDeflate:
		d.to, err = newInflater(d.from)
	case codingBrotli:
		d.to = brotli.NewReader(d.from)
	case codingZstd:
		var z *zstd.Decoder
		// Of one thread, it decodes where it is read, without goroutines.
		z, err = zstd.NewReader(d.from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err == nil {
			d.to, d.close = z, z.Close
		}
	}
	if err != nil {
		return nil, d.failed(err)
	}
	return d, nil
}

// newInflater reads deflate: in the zlib format that RFC 9110 means by it, or as browsers accept it
// too, without that. The first two bytes distinguish the two: as raw data they would be a block
// without compression and with bits set in its padding, which no encoder writes.
func newInflater(from *bufio.Reader) (io.Reader, error) {
	head, err := from.Peek(2)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if head[0]&0x0f == 8 && head[0]>>4 <= 7 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(from)
	}
	return flate.NewReader(from), nil
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	if d.left == 0 { // one byte more is too many
		p = p[:min(len(p), 1)]
	} else {
		p = p[:min(int64(len(p)), d.left)]
	}
	n, err := d.to.Read(p)
	if d.left -= int64(n); d.left < 0 {
		return 0, d.failed(errDecodedTooLarge)
	}
	if errors.Is(err, io.EOF) {
		if _, more := d.from.Peek(1); !errors.Is(more, io.EOF) {
			return n, d.failed(cmp.Or(more, errTrailing))
		}
		return n, io.EOF
	}
	if err != nil {
		return n, d.failed(err)
	}
	return n, nil
}

// errTrailing reports bytes behind the end of what was encoded.
var errTrailing = errors.New("bytes after its end")

// failed returns an error as one of this coding, unless it is one of a coding within.
func (d *decoder) failed(err error) error {
	if _, ok := errors.AsType[*codingError](err); ok {
		return err
	}
	return &codingError{d.coding, err}
}
