package upstream

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"penstock/failover"
	"penstock/memory"
	"penstock/outbound"
)

// response is a response with a status of success, whose body has not been read yet.
type response struct {
	model    *model
	server   *server
	sequence *failover.Sequence
	head     *http.Response
	body     io.Reader // decompressed
	ctx      context.Context
	watchdog *failover.Watchdog
	asked    bool             // for the usage, which the client has not
	secrets  outbound.Secrets // the key that was sent, and the server's
	ownKey   bool             // it is the client's own
	ended    bool             // the body has been read to its end
	unframed bool             // only the end of the connection ends the body

	draining bool // close is not to end it

	form form                // of the body, once that has been looked at
	held *memory.Reservation // for a body that is kept; nil: none is

	longest int // event that this gateway made of such a body, at most: MaxAnswer bounds it, not MaxEvent
}

// send sends a request to a sequence's server. The head of the response may take as long as limit,
// from the moment the connection is open; cause is why it is canceled after that. The sequence is
// notified of silence. The caller closes the response. A server that rejects a request for its
// usage is sent it once more without, and is not asked again.
func (m *model) send(ctx context.Context, q *failover.Sequence, r *request, limit time.Duration, cause failover.Timeout) (*response, *failover.Failure) {
	asks := r.asks(m.servers[q.Server()])
	o, f := m.sendOnce(ctx, q, r, asks, limit, cause)
	if f == nil || !asks || !refusesUsage(f) {
		return o, f
	}
	if o, f = m.sendOnce(ctx, q, r, false, limit, cause); f == nil {
		m.notAskedAgain(m.servers[q.Server()]) // it was that, and not what the client has sent
	}
	return o, f
}

func (m *model) sendOnce(ctx context.Context, q *failover.Sequence, r *request, asks bool, limit time.Duration, cause failover.Timeout) (*response, *failover.Failure) {
	s := m.servers[q.Server()]
	key, ownKey := r.key(s)
	ctx, watchdog := q.Watch(ctx, m.config.Timeouts.Connect)
	head, f := watchdog.Send(ctx, limit, cause, func(ctx context.Context) (*http.Response, error) { //nolint:bodyclose // response.close does
		return r.post(ctx, s, asks)
	})
	if f != nil {
		watchdog.Stop()
		return nil, f
	}
	o := &response{model: m, server: s, sequence: q, head: head, ctx: ctx, watchdog: watchdog, asked: asks, secrets: s.out.Secrets().With(key), ownKey: ownKey}
	if n := fields(head.Header); n > maxFields {
		defer o.close()
		return nil, failover.Malformed("a head of %d fields", n)
	}
	o.unframed = !outbound.Framed(head) && !o.hasNoBody()
	var err error
	if o.body, err = outbound.Decompressed(head); err != nil {
		defer o.close()
		return nil, failover.Malformed("%w", err)
	}
	if r.passes == nil && (head.StatusCode < 200 || head.StatusCode > 299) {
		defer o.close()
		watchdog.Set(m.config.Timeouts.BetweenTokens, failover.Silence)
		f := rejected(o)
		if cause := context.Cause(ctx); cause != nil {
			return nil, failover.NoResponse(ctx, cause)
		}
		return nil, f
	}
	return o, nil
}

// maxFields is how many fields the head of a response may have.
const maxFields = 256

func fields(h http.Header) (n int) {
	for _, values := range h {
		n += len(values)
	}
	return n
}

// headerUpstream is the header that names the server of a response.
const headerUpstream = "X-Penstock-Upstream"

// mediaType returns the media type that the response declares, "" if it declares none.
func (o *response) mediaType() string {
	media, _, _ := mime.ParseMediaType(o.head.Header.Get("Content-Type"))
	return media
}

// isJSON reports whether the response looks like JSON, or declares that it is, or declares nothing.
func (o *response) isJSON() bool {
	media := o.mediaType()
	return media == "application/json" || media == "" || o.form == formJSON
}

// hasNoBody reports whether a response to that request, or of that status, has no body.
func (o *response) hasNoBody() bool { return o.head.Request.Method == http.MethodHead || o.isEmpty() }

// isEmpty reports whether a response of that status has no body, whatever the request was.
func (o *response) isEmpty() bool {
	return o.head.StatusCode == http.StatusNoContent || o.head.StatusCode == http.StatusNotModified
}

// header returns the headers of the response that a client gets.
func (o *response) header() http.Header {
	header := forwarded(o.head.Header, o.secrets)
	header.Set(headerUpstream, o.server.Name)
	return header
}

// broken returns the failure of a response whose body could not be read.
func (o *response) broken(err error) *failover.Failure {
	return failover.Broken(o.ctx, err)
}

// close ends the response, and the request if that has not ended, unless its last bytes are being
// read.
func (o *response) close() {
	if !o.draining {
		o.end()
	}
}

func (o *response) end() {
	o.watchdog.Stop()
	o.head.Body.Close()
	if o.held != nil {
		o.held.Close()
	}
}

// drainTime is how long the last bytes of a complete response may take.
const drainTime = time.Second

// drain reads the few bytes after the end of a complete response, so that its connection can be
// used again, and closes it. The caller does not wait for that.
func (o *response) drain() {
	if o.ended {
		o.close()
		return
	}
	o.draining = true
	o.watchdog.Detach(drainTime)
	o.model.drains.Go(func() {
		defer o.end()
		_, _ = io.CopyN(io.Discard, o.body, 64<<10) // the response is complete, whatever follows
	})
}
