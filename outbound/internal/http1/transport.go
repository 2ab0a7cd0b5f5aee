package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"
	"time"
)

const (
	readBuffer  = 16 << 10 // bytes that one read takes from a burst; pages that are never filled cost nothing
	idleTimeout = 90 * time.Second
)

// ErrLongHead reports that the head of a response is longer than MaxHead.
var ErrLongHead = errors.New("the head of the response is too long")

// Transport is an http.RoundTripper for one server. It may be used by many goroutines; its fields
// are not changed once it is used.
type Transport struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Address string // host and port
	Keep    int    // how many idle connections are kept open at most
	MaxHead int64  // bytes

	mu    sync.Mutex
	idle  []*conn // the one used last is the last
	sweep *time.Timer
}

// conn is a connection, for one request at a time.
type conn struct {
	net.Conn
	limit *io.LimitedReader // how many bytes the head may still have
	read  *bufio.Reader
	since time.Time // when it became idle
}

// RoundTrip implements http.RoundTripper. The server is t.Address, whatever the request's URL is.
// When the request's context ends the exchange ends, and the body's Read fails. The body must be
// closed or read to its end.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	// Dialing, writing the request and reading the head need a deep stack for a moment. In the
	// caller's goroutine it would stay for as long as the response lasts: 8 KiB of each stream.
	type result struct {
		response *http.Response
		err      error
	}
	done := make(chan result, 1)
	go func() {
		response, err := t.roundTrip(r) //nolint:bodyclose // the caller closes it
		done <- result{response, err}
	}()
	got := <-done
	return got.response, got.err
}

func (t *Transport) roundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c, reused, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	response, err := t.exchange(c, r)
	if err == nil || !reused || !errors.Is(err, errNoResponse) || ctx.Err() != nil || r.GetBody == nil {
		return response, err
	}
	// A server may close an idle connection at the moment a request is sent, and has not read that
	// then. This cannot happen on a new connection, so one more attempt is enough: a server that
	// read the request and closed the connection must not be made to process it again and again.
	if r.Body, err = r.GetBody(); err != nil {
		return nil, fmt.Errorf("send the request again: %w", err)
	}
	if c, err = t.dial(ctx); err != nil {
		return nil, err
	}
	return t.exchange(c, r)
}

// connect returns a connection that is not in use, and whether it was used before.
func (t *Transport) connect(ctx context.Context) (c *conn, reused bool, err error) {
	for c = t.take(); c != nil; c = t.take() {
		if quiet(c.Conn) {
			gotConn(ctx, c, true)
			return c, true, nil
		}
		c.Close()
	}
	c, err = t.dial(ctx)
	return c, false, err
}

// dial returns a new connection.
func (t *Transport) dial(ctx context.Context) (*conn, error) {
	wire, err := t.Dial(ctx, "tcp", t.Address)
	if err != nil {
		return nil, err
	}
	limit := &io.LimitedReader{R: wire}
	c := &conn{Conn: wire, limit: limit, read: bufio.NewReaderSize(limit, readBuffer)}
	gotConn(ctx, c, false)
	return c, nil
}

func gotConn(ctx context.Context, c *conn, reused bool) {
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c, Reused: reused})
	}
}

func informed(ctx context.Context, r *http.Response) {
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.Got1xxResponse != nil {
		_ = trace.Got1xxResponse(r.StatusCode, textproto.MIMEHeader(r.Header)) // its error is net/http's to heed
	}
}

// errNoResponse is in the error of an exchange without one byte of a response.
var errNoResponse = errors.New("the connection ended before a response")

// exchange sends a request and reads the head of the response. If it fails it has closed the
// connection.
func (t *Transport) exchange(c *conn, r *http.Request) (*http.Response, error) {
	unlink := context.AfterFunc(r.Context(), func() { c.Close() })
	response, err := t.head(c, r)
	if err != nil {
		unlink()
		c.Close()
		if cause := context.Cause(r.Context()); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	if response.Body != http.NoBody && slices.Equal(response.TransferEncoding, []string{"chunked"}) {
		response.Body = io.NopCloser(&chunked{from: c.read})
	}
	b := &body{from: response.Body, release: func(whole bool) {
		if unlink() && whole && !response.Close && c.read.Buffered() == 0 {
			t.keep(c)
		} else {
			c.Close()
		}
	}}
	if response.Body == http.NoBody {
		b.end(io.EOF)
	}
	response.Body = b
	return response, nil
}

// head writes the request and reads the head of the response, which there may be although the
// server has not read all of the request.
func (t *Transport) head(c *conn, r *http.Request) (*http.Response, error) {
	unsent := send(c, r)
	c.limit.N = t.MaxHead
	for {
		if _, err := c.read.Peek(1); err != nil {
			if unsent != nil {
				err = unsent
			}
			return nil, fmt.Errorf("%w: %w", errNoResponse, err)
		}
		response, err := http.ReadResponse(c.read, r)
		switch {
		case err != nil && c.limit.N <= 0:
			return nil, fmt.Errorf("%w: more than %d bytes", ErrLongHead, t.MaxHead)
		case err != nil:
			return nil, fmt.Errorf("read the head of a response: %w", err)
		case response.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the server switches to another protocol")
		case response.StatusCode < http.StatusOK: // an informational one, before the response
			informed(r.Context(), response)
			continue
		}
		c.limit.N = math.MaxInt64
		response.Close = response.Close || unsent != nil
		return response, nil
	}
}

func send(c *conn, r *http.Request) error {
	w := bufio.NewWriter(c)
	if err := r.Write(w); err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	return nil
}

// take returns the connection that became idle last; nil if there is none.
func (t *Transport) take() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) == 0 {
		return nil
	}
	c := t.idle[len(t.idle)-1]
	t.idle = t.idle[:len(t.idle)-1]
	return c
}

// keep makes a connection available to other requests.
func (t *Transport) keep(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) >= t.Keep {
		c.Close()
		return
	}
	c.since = time.Now()
	t.idle = append(t.idle, c)
	if t.sweep == nil {
		t.sweep = time.AfterFunc(idleTimeout, t.closeOld)
	}
}

// closeOld closes connections that have been idle for too long.
func (t *Transport) closeOld() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = slices.DeleteFunc(t.idle, func(c *conn) bool {
		old := time.Since(c.since) >= idleTimeout
		if old {
			c.Close()
		}
		return old
	})
	t.sweep = nil
	if len(t.idle) > 0 {
		t.sweep = time.AfterFunc(time.Until(t.idle[0].since.Add(idleTimeout)), t.closeOld)
	}
}

// CloseIdleConnections closes the connections that are not in use.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.idle {
		c.Close()
	}
	t.idle = nil
	if t.sweep != nil {
		t.sweep.Stop()
		t.sweep = nil
	}
}
