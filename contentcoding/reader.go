package contentcoding

import (
	"bufio"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// An Error is a failure to decode.
type Error struct {
	Coding string
	Cause  error
}

// Error implements error.
func (e *Error) Error() string { return "decode " + e.Coding + ": " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrTooLarge is the cause of an Error where a coding yields more than the limit.
var ErrTooLarge = errors.New("more than the limit")

// ErrWindow is the cause of an Error where a body of zstd needs a window of more than ZstdWindow.
var ErrWindow = zstd.ErrWindowSizeExceeded

// errTrailing reports bytes behind the end of what was encoded.
var errTrailing = errors.New("bytes after its end")

// A Reader reads a body without its codings. Its errors are *Error, also those of what it reads
// from.
type Reader struct {
	io.Reader

	decoders []*decoder
}

// NewReader returns a Reader, which must be closed. Each of the codings may yield at most limit
// bytes.
func (c Codings) NewReader(from io.Reader, limit int64) (*Reader, error) {
	r := &Reader{Reader: from}
	for _, coding := range slices.Backward(c) {
		d, err := newDecoder(coding, r.Reader, limit)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.Reader = d
		r.decoders = append(r.decoders, d)
	}
	return r, nil
}

// Close frees what the decoders hold. It does not close what the Reader reads from.
func (r *Reader) Close() {
	for _, d := range slices.Backward(r.decoders) {
		d.close()
	}
}

// A decoder decodes one coding. It fails if that yields more than a limit, or ends before its
// source does.
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
	case gzipCoding:
		d.to, err = gzip.NewReader(d.from)
	case deflateCoding:
		d.to, err = newInflater(d.from)
	case brotliCoding:
		d.to = brotli.NewReader(d.from)
	case zstdCoding:
		var z *zstd.Decoder
		// Of one thread, it decodes where it is read, without goroutines.
		z, err = zstd.NewReader(d.from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(ZstdWindow))
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
		return 0, d.failed(ErrTooLarge)
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

// failed returns an error as one of this coding, unless it is one of a coding within.
func (d *decoder) failed(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{d.coding, err}
}
