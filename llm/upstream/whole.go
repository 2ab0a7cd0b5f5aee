package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
)

const (
	// wholeFirst is how much of a whole response is read before its head is passed on. Most
	// responses are shorter, and are known to be complete and valid while another server may
	// still be used.
	wholeFirst = 64 << 10
	wholePiece = 32 << 10
)

// copyWhole requests a whole response, and copies it. It returns the usage, of what has been copied
// of a response that fails too. Its error is an *apierr.Error.
func (m *model) copyWhole(ctx context.Context, r *request, to dialect.Passthrough) (engine.Usage, error) {
	counting := &counter{to: to, gather: r.gather}
	f := m.attempt(ctx, r, nil, func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		o, f := m.send(ctx, q, r, m.config.Timeouts.Whole, failover.NoHead)
		if f != nil {
			return f
		}
		defer o.close()
		return o.copyTo(counting, q.Lead)
	})
	switch {
	case f == nil:
		return counting.usage(r), nil
	case counting.begun:
		return counting.usage(r), f.Err
	}
	return unbegun(f, r), f.Err
}

// counter is a Passthrough that counts the body, and finds its usage, on its way to another.
type counter struct {
	to     dialect.Passthrough
	begun  bool
	body   nesting
	bytes  int
	gather gatherer // of events; nil: a response is never looked at
}

// Head implements dialect.Passthrough.
func (c *counter) Head(status int, header http.Header) {
	c.begun = true
	c.to.Head(status, header)
}

// Write implements dialect.Passthrough.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.body.add(p[:n])
	c.bytes += n
	return n, err
}

// usage returns what has been copied of a response to the request.
func (c *counter) usage(request *request) engine.Usage {
	reported, _ := dialect.ParseUsage(c.body.usage)
	return counted(reported, request, c.body.generated())
}

// copyTo copies a head and a body. Before that it calls lead; then no other attempt can follow.
func (o *response) copyTo(to *counter, lead func() bool) *failover.Failure {
	o.watchdog.Set(o.model.config.Timeouts.BetweenTokens, failover.Silence)
	limit := o.model.config.MaxAnswer
	if o.head.ContentLength > limit {
		return failover.TooLarge(limit)
	}
	if to.gather != nil {
		if f := o.sniff(false); f != nil {
			return f
		}
		if o.isEvents() {
			return to.gather(o, to, lead)
		}
	}
	start, err := io.ReadAll(io.LimitReader(o.body, wholeFirst))
	if err != nil {
		return o.broken(fmt.Errorf("read a whole response: %w", err))
	}
	if int64(len(start)) > limit {
		return failover.TooLarge(limit)
	}
	complete := len(start) < wholeFirst
	if f := o.check(start, complete); f != nil {
		return f
	}
	if isBlank := len(bytes.TrimSpace(start)) == 0; isBlank && complete || !isBlank && to.gather != nil && o.form == formOther {
		return failover.Malformed("a body of type %q in place of JSON", o.head.Header.Get("Content-Type"))
	}
	if complete && o.isJSON() {
		start = dialect.WithoutError(start)
	}
	o.sequence.Healthy()
	header := o.header()
	header.Set("Content-Type", o.secrets.Text(o.contentType()))
	switch {
	case complete:
		header.Set("Content-Length", strconv.Itoa(len(start)))
	case o.head.ContentLength >= 0:
		header.Set("Content-Length", strconv.FormatInt(o.head.ContentLength, 10))
	}
	if !lead() {
		return failover.Canceled(failover.ErrLost)
	}
	to.Head(o.head.StatusCode, header)
	if err := to.writeWaiting(start, o.watchdog); err != nil {
		return failover.Canceled(err)
	}
	if complete {
		return nil
	}
	return o.copyRest(to)
}

// copyRest copies what follows the start.
func (o *response) copyRest(to *counter) *failover.Failure {
	unframed := o.unframed && o.isJSON()
	buf := make([]byte, wholePiece)
	for {
		n, err := o.body.Read(buf)
		if limit := o.model.config.MaxAnswer; int64(to.bytes+n) > limit {
			return failover.TooLarge(limit)
		}
		if err := to.writeWaiting(buf[:n], o.watchdog); err != nil {
			return failover.Canceled(err)
		}
		if err == io.EOF { //nolint:errorlint // io.EOF itself is a clean end
			if unframed && !to.body.closed() {
				return failover.Cut(errors.New("the connection ended in the middle of a whole response"))
			}
			return nil
		}
		if err != nil {
			return o.broken(fmt.Errorf("read a whole response: %w", err))
		}
	}
}

// check returns the failure of a body that is not JSON, or an error object; of one that is not
// complete only the type is checked.
func (o *response) check(start []byte, complete bool) *failover.Failure {
	if o.isHTML() {
		return failover.Malformed("an HTML page in place of JSON")
	}
	if !o.isJSON() || !complete {
		return nil
	}
	switch isError, err := dialect.ReportsError(start); {
	case err != nil:
		return failover.Malformed("a response that is not JSON: %w", err)
	case isError:
		return reported(start, o)
	}
	return nil
}

// keeper is the Passthrough of a caller that has none: it keeps the body.
type keeper struct{ body bytes.Buffer }

// Head implements dialect.Passthrough.
func (k *keeper) Head(int, http.Header) {}

// Write implements dialect.Passthrough.
func (k *keeper) Write(p []byte) (int, error) {
	return k.body.Write(p)
}

// embeddings parses the body.
func (k *keeper) embeddings() (*dialect.EmbeddingResponse, error) {
	r := new(dialect.EmbeddingResponse)
	if err := json.Unmarshal(k.body.Bytes(), r); err != nil {
		return nil, &apierr.Error{
			Code: apierr.CodeUpstreamError, Message: "the upstream sent a malformed response; try again",
			Cause: fmt.Errorf("parse embeddings: %w", err),
		}
	}
	return r, nil
}
