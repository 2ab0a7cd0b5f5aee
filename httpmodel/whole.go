package httpmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strings"

	"penstock/failover"
	"penstock/memory"
)

// step is a step that gives a whole result: it sends the input, and returns the response. The
// memory that this takes is reserved until ctx ends, which is when the request is over.
func (e *endpoint) step(ctx context.Context, in *payload) (*payload, error) {
	if e == nil { // the model has no such step
		return in, nil
	}
	request := ctx
	var out *payload
	f := e.run(ctx, func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		x, f := e.send(ctx, q, in, "*/*")
		if f != nil {
			return f
		}
		defer x.close()
		held := memory.From(ctx).Reserve(memory.Answer)
		body, f := x.whole(held)
		if f == nil {
			q.Healthy()
			if !q.Lead() {
				f = failover.Canceled(failover.ErrLost)
			}
		}
		if f != nil {
			held.Close()
			return x.redact(f)
		}
		context.AfterFunc(request, held.Close)
		out = &payload{mediaType: x.mediaType(body), body: body, header: in.header}
		return nil
	})
	if f != nil {
		return nil, f.Err
	}
	return out, nil
}

const firstRead = 4 << 10 // bytes of memory for a response whose length is not known

// whole reads the body, with the memory for it reserved. It returns it only if it is known to be
// complete.
func (x *exchange) whole(held *memory.Reservation) ([]byte, *failover.Failure) {
	limit := x.endpoint.model.config.MaxAnswer
	if x.head.ContentLength > limit {
		return nil, failover.TooLarge(limit)
	}
	size := int64(firstRead)
	if n := x.head.ContentLength; n >= 0 {
		size = min(n+1, keptBuffer) // more once it is there
	}
	var body []byte
	for {
		if len(body) == cap(body) {
			size = max(size, min(2*int64(cap(body)), limit+1))
			if err := held.Grow(x.ctx, size-int64(cap(body))); err != nil {
				return nil, x.unwanted(err)
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := x.body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, failover.TooLarge(limit)
		case err == io.EOF: //nolint:errorlint // io.EOF itself is a clean end
			if !x.framed && !x.closes(body) {
				return nil, failover.Cut(errUnframed)
			}
			return body, nil
		case err != nil:
			return nil, x.broken(fmt.Errorf("read a whole response: %w", err))
		}
	}
}

// closes reports whether a body that only the end of its connection has ended is whole all the
// same: as JSON whose end can be seen, which that of a number cannot.
func (x *exchange) closes(body []byte) bool {
	media, _, err := mime.ParseMediaType(x.head.Header.Get("Content-Type"))
	if err == nil && media != mediaJSON && !strings.HasSuffix(media, "+json") || !json.Valid(body) {
		return false
	}
	first := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n")
	return first != "" && !strings.ContainsRune("-0123456789", rune(first[0]))
}

// mediaType returns the media type that the response declares, or else the one that its body looks
// like.
func (x *exchange) mediaType(body []byte) string {
	if declared := x.head.Header.Get("Content-Type"); declared != "" {
		return x.redacted(declared)
	}
	if json.Valid(body) {
		return mediaJSON
	}
	return "application/octet-stream"
}
