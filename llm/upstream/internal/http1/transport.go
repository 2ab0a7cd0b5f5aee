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
	"slices"
	"sync"
	"time"
)

const (
	readBuffer  = 16 << 10 // bytes of a burst that one read takes; the pages nobody fills cost nothing
	idleTimeout = 90 * time.Second
)

// ErrLongHead says that an answer's head is longer than MaxHead.
var ErrLongHead = errors.New("the head of the answer is too long")

// Transport is an http.RoundTripper for one server. Its fields are not changed once it is used.
type Transport struct {
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Address string // host and port
	Keep    int    // connections kept open at most while nobody asks
	MaxHead int64  // bytes

	mu    sync.Mutex
	idle  []*conn // the one used last stands last
	sweep *time.Timer
}

// conn is a connection, for one request at a time.
type conn struct {
	net.Conn
	limit *io.LimitedReader // what of the head may still come
	read  *bufio.Reader
	since time.Time // it has been idle
}

// RoundTrip implements http.RoundTripper. The request's URL says what is asked for, not where. When its context ends, so
// does the exchange, and the body's Read fails; the body must be closed or read to its end.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c, reused, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := t.exchange(c, r)
	if err == nil || !reused || !errors.Is(err, errNoAnswer) || ctx.Err() != nil || r.GetBody == nil {
		return answer, err
	}
	// A server may close a connection that was idle in the very moment it is asked again: it has not read the request then.
	// On a new connection that cannot be, so this is done once: a server that read the request and broke off is not to work
	// for nobody time and again.
	if r.Body, err = r.GetBody(); err != nil {
		return nil, fmt.Errorf("send the request again: %w", err)
	}
	if c, err = t.dial(ctx); err != nil {
		return nil, err
	}
	return t.exchange(c, r)
}

// connect returns a connection nobody uses, and whether it was used before.
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

// errNoAnswer is in the error of an exchange of which not one byte came back.
var errNoAnswer = errors.New("the connection ended before an answer")

// exchange sends a request and reads the head of its answer. With an error the connection is closed.
func (t *Transport) exchange(c *conn, r *http.Request) (*http.Response, error) {
	unlink := context.AfterFunc(r.Context(), func() { c.Close() })
	answer, err := t.head(c, r)
	if err != nil {
		unlink()
		c.Close()
		if cause := context.Cause(r.Context()); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	if answer.Body != http.NoBody && slices.Equal(answer.TransferEncoding, []string{"chunked"}) {
		answer.Body = io.NopCloser(&chunked{from: c.read})
	}
	b := &body{from: answer.Body, give: func(whole bool) {
		if unlink() && whole && !answer.Close && c.read.Buffered() == 0 {
			t.keep(c)
		} else {
			c.Close()
		}
	}}
	if answer.Body == http.NoBody {
		b.end(io.EOF)
	}
	answer.Body = b
	return answer, nil
}

// head writes the request and reads the head of the answer, of which there may be one although not all of the request was
// taken.
func (t *Transport) head(c *conn, r *http.Request) (*http.Response, error) {
	unsent := send(c, r)
	c.limit.N = t.MaxHead
	for {
		if _, err := c.read.Peek(1); err != nil {
			if unsent != nil {
				err = unsent
			}
			return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		answer, err := http.ReadResponse(c.read, r)
		switch {
		case err != nil && c.limit.N <= 0:
			return nil, fmt.Errorf("%w: more than %d bytes", ErrLongHead, t.MaxHead)
		case err != nil:
			return nil, fmt.Errorf("read the head of an answer: %w", err)
		case answer.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("the server wants to speak another protocol")
		case answer.StatusCode < http.StatusOK: // a hint; the answer is to come
			continue
		}
		c.limit.N = math.MaxInt64
		answer.Close = answer.Close || unsent != nil
		return answer, nil
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

// keep lets a connection be used again.
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

// CloseIdleConnections closes the connections nobody uses.
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
