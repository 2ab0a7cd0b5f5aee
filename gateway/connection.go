package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

// unsplit is how many bytes net/http sends in one write as a chunk of HTTP/1.1. It sends more in
// three writes: as much as a buffer of 4 KiB holds, the rest, and the line end after it.
const unsplit = 4000

// connection is a client's connection, whose writes can be joined into one: each write costs a
// system call and wakes the client. It follows what the client sends: see framing.
type connection struct {
	net.Conn
	listener *connections
	socket   net.Conn // below the PROXY protocol, if that is used
	caller   string   // whose share of the connections it counts for; "": no one's
	closed   atomic.Bool
	proxied  time.Time // of a trusted proxy's: when its PROXY header is no longer waited for

	joining bool
	pieces  []byte

	framing framing     // for the one goroutine that reads
	serving atomic.Bool // a request of HTTP/1 has its handler
	cutting bool        // of the goroutine that reads: there is a deadline for what has begun
	late    bool        // of the goroutine that reads: it has passed
	resets  time.Time   // since when framing.resets counts
}

// Read implements net.Conn. What has begun of a head must be whole within the time for that, also
// where net/http has no limit: for the beginning of a second head, and in HTTP/2.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	before := c.framing.bytes
	c.framing.scan(p[:n])
	if err != nil {
		c.listener.broken(c, err)
		return n, err
	}
	f := &c.framing
	switch {
	case f.state == inHTTP2 && f.resets > http2Resets && !c.mayReset():
		c.listener.refusals.add("http2_resets", c.peer(), "too many streams were reset")
		return 0, errResets
	case f.state == inHTTP2:
		if f.begun != c.cutting {
			c.cutting = f.begun
			var deadline time.Time
			if f.begun {
				deadline = time.Now().Add(c.listener.headTimeout)
			}
			_ = c.Conn.SetReadDeadline(deadline) // the next Read fails if this does
		}
	case f.first && f.state == inRequestLine && before == 0 && f.bytes > 0 && !c.serving.Load():
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.listener.headTimeout)) // as above
	}
	return n, nil
}

var errResets = errors.New("the client reset too many streams of HTTP/2")

// mayReset reports whether http2Resets took the client as long as they must, and counts anew.
func (c *connection) mayReset() bool {
	since := c.resets
	c.resets, c.framing.resets = time.Now(), 0
	return time.Since(since) >= http2ResetTime
}

// Write implements net.Conn.
func (c *connection) Write(p []byte) (int, error) {
	if c.joining {
		c.pieces = append(c.pieces, p...)
		return len(p), nil
	}
	if !c.serving.Load() {
		c.listener.refusing(c, p)
	}
	return c.Conn.Write(p)
}

// SetReadDeadline implements net.Conn. The time that net/http lets a connection be idle is not for
// one on which the next head has begun, behind the request before it.
func (c *connection) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !c.serving.Load() && c.framing.first && c.framing.begun {
		if most := time.Now().Add(c.listener.headTimeout); most.Before(t) {
			t = most
		}
	}
	if c.unproxied() && (t.IsZero() || c.proxied.Before(t)) {
		t = c.proxied
	}
	return c.Conn.SetReadDeadline(t)
}

// unproxied reports whether a trusted proxy's connection began without a PROXY header, or with a
// part of one, and has had no head yet: the head has no time of its own then.
func (c *connection) unproxied() bool {
	proxy, ok := c.Conn.(*proxyproto.Conn)
	return ok && !c.framing.first && c.framing.state == inRequestLine && proxy.ProxyHeader() == nil
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := c.Conn.Close()
	if !c.closed.Swap(true) {
		c.listener.release(c.caller)
	}
	return err
}

// joined sends what write writes in one write, through a buffer that it returns for the next call.
// No other goroutine may write meanwhile. write does not see that sending fails.
func (c *connection) joined(buffer []byte, write func() error) ([]byte, error) {
	c.joining, c.pieces = true, buffer[:0]
	err := write()
	pieces := c.pieces
	c.joining, c.pieces = false, nil
	if err == nil {
		_, err = c.Conn.Write(pieces)
	}
	return pieces, err
}

// CloseWrite lets net/http close a connection such that its client reads the last response first.
func (c *connection) CloseWrite() error {
	if half, ok := c.socket.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connectionKey struct{}

// withConnection makes a connection known to its handlers; it is an http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf returns the connection that serves one request at a time; nil if requests share it,
// as in HTTP/2, or there is none.
func connectionOf(r *http.Request) *connection {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}
