package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"penstock/apierr"
	"penstock/contentcoding"
	"penstock/memory"
)

// pooledBuffer is how many bytes a buffer that is used again may have. Larger ones are left to the
// garbage collector.
const pooledBuffer = 4 << 20

// body reads the body of a response and calls use with it. Both what was sent and what it is
// without its Content-Encoding are at most MaxSize, and reserved as they grow.
func (f *Fetcher) body(ctx, hopCtx context.Context, response *http.Response, use func([]byte) error) error {
	codings, err := contentcoding.Parse(response.Header["Content-Encoding"])
	if _, unknown := errors.AsType[contentcoding.UnsupportedError](err); unknown {
		// Stores serve pictures under codings that are none: binary, utf-8, none. Browsers take
		// such a body as it is.
		codings, err = nil, nil
	}
	if err != nil {
		return apierr.InvalidInput(ReasonFailed, "the file has more than three Content-Encodings: send the picture itself")
	}
	length := int64(-1) // unknown
	if response.StatusCode == http.StatusPartialContent {
		var whole bool
		if length, whole = wholeRange(response.Header["Content-Range"]); !whole {
			return partial()
		}
	}
	if max(length, response.ContentLength) > f.options.MaxSize {
		return f.tooLarge()
	}
	body, putBack := f.buffer()
	defer putBack()
	held := memory.From(ctx).Reserve(memory.Fetch)
	defer held.Close()
	if _, err := body.ReadFrom(&reserving{ctx, io.LimitReader(response.Body, f.options.MaxSize+1), held}); err != nil {
		return f.failure(ctx, hopCtx, err)
	}
	switch n := int64(body.Len()); {
	case n > f.options.MaxSize:
		return f.tooLarge()
	case length >= 0 && n != length:
		return partial()
	}
	response.Body.Close() // the connection is free for others while this body is used
	if len(codings) == 0 {
		return use(body.Bytes())
	}
	decoded, putBack := f.buffer()
	defer putBack()
	if err := f.decode(ctx, codings, body, decoded, held); err != nil {
		return f.explain(ctx, hopCtx, err)
	}
	return use(decoded.Bytes())
}

// decode undoes the codings of a body that has come whole, so that what decoders take is not held
// while a server sends.
func (f *Fetcher) decode(ctx context.Context, codings contentcoding.Codings, body, decoded *bytes.Buffer, held *memory.Reservation) error {
	decoders := codings.Memory()
	if err := held.Grow(ctx, decoders); err != nil {
		return err
	}
	defer held.Shrink(decoders)
	r, err := codings.NewReader(body, f.options.MaxSize)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = decoded.ReadFrom(&reserving{ctx, r, held})
	return err
}

// buffer returns an empty buffer, and what puts it back.
func (f *Fetcher) buffer() (b *bytes.Buffer, putBack func()) {
	b = f.buffers.Get().(*bytes.Buffer)
	return b, func() {
		if b.Cap() <= pooledBuffer {
			b.Reset()
			f.buffers.Put(b)
		}
	}
}

func partial() error {
	return apierr.InvalidInput(ReasonFailed, "the address answered with a part of the file only: send the picture itself")
}

// wholeRange returns the length of a body whose Content-Range (RFC 9110, 14.4) is all of it.
func wholeRange(lines []string) (length int64, whole bool) {
	if len(lines) != 1 {
		return 0, false
	}
	unit, value, _ := strings.Cut(strings.TrimSpace(lines[0]), " ")
	bounds, total, _ := strings.Cut(strings.TrimSpace(value), "/")
	first, last, _ := strings.Cut(bounds, "-")
	length, err := strconv.ParseInt(total, 10, 64)
	end, endErr := strconv.ParseInt(last, 10, 64)
	return length, strings.EqualFold(unit, "bytes") && first == "0" && err == nil && endErr == nil && length > 0 && end == length-1
}

// reserving reserves memory for what it reads, twice, as the buffer doubles.
type reserving struct {
	ctx  context.Context // it lives for one ReadFrom
	from io.Reader
	held *memory.Reservation
}

func (r *reserving) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if short := r.held.Grow(r.ctx, 2*int64(n)); short != nil {
		return n, short
	}
	return n, err
}
