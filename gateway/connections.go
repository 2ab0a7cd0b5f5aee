package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// connections is a listener whose connections are *connection, and which has no more of them than
// it may. One more is sent a 503 and closed: no goroutine waits for its client.
type connections struct {
	net.Listener
	trusted     []netip.Prefix
	total       int
	perAddress  int
	leave       int // refused ones that may be open beside them
	headTimeout time.Duration
	refusals    *refusals

	mu      sync.Mutex
	open    int
	by      map[string]int // open connections of each caller that has any
	leaving int            // refused ones that have yet to be closed
}

// Refused connections stay open for a moment, in which their clients read why: a connection that is
// closed while there is something to read is reset.
const (
	leaveTime = time.Second
	maxLeave  = 64
)

// connections returns the listener as one that is bounded: by what is configured, or by what the
// limit of open files leaves room for. An eighth of those, and a few, are for upstreams, models,
// refused connections and everything else.
func (g *Gateway) connections(l net.Listener) *connections {
	total, leave := g.Connections, maxLeave
	if files, ok := maxFiles(); ok {
		others := files/8 + 32
		if most := int(min(max(files, others+1)-others, 1<<30)); most < total {
			g.Log.Warn("fewer connections than server.max_connections.total may be open, as the limit of open files is too low for more",
				"total", total, "instead", most, "files", files)
			total, leave = most, int(min(others/4, maxLeave))
		}
	}
	return &connections{
		Listener: l, trusted: g.TrustedProxies, total: total, perAddress: g.PerAddress, leave: leave, headTimeout: g.ReadHeaderTimeout,
		refusals: &refusals{log: g.Log, metrics: g.Metrics}, by: map[string]int{},
	}
}

// Accept implements net.Listener. It returns the listener's own errors, after which net/http waits
// before it calls again; of those that pass, as when there are too many open files, it notes them.
func (l *connections) Accept() (net.Conn, error) {
	for {
		socket, err := l.Listener.Accept()
		if err != nil {
			if temporary, ok := err.(interface{ Temporary() bool }); ok && temporary.Temporary() { //nolint:errorlint // as net/http sees it
				l.refusals.add("accept", "", err.Error())
			}
			return nil, err
		}
		c := &connection{Conn: socket, socket: socket, listener: l, resets: time.Now()}
		peer, hasIP := peerAddress(socket.RemoteAddr().String())
		trusted := hasIP && contains(l.trusted, peer)
		if hasIP && !trusted && !peer.IsLoopback() {
			c.caller = addressName(peer.String())
		}
		if reason := l.admit(c.caller); reason != "" {
			l.refusals.add(reason, c.peer(), "too many connections are open")
			l.refuse(socket)
			continue
		}
		if trusted {
			c.proxied = time.Now().Add(l.headTimeout)
			c.Conn = proxyproto.NewConn(socket, proxyproto.WithPolicy(proxyproto.USE), proxyproto.SetReadHeaderTimeout(l.headTimeout))
		}
		return c, nil
	}
}

// admit counts one more connection, unless there are too many: then it returns the reason.
func (l *connections) admit(caller string) (reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.open >= l.total:
		return "total"
	case caller != "" && l.by[caller] >= l.perAddress:
		return "per_address"
	}
	l.open++
	if caller != "" {
		l.by[caller]++
	}
	l.refusals.metrics.front.open.Inc()
	return ""
}

// release counts one connection less.
func (l *connections) release(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if caller != "" {
		if l.by[caller]--; l.by[caller] == 0 {
			delete(l.by, caller)
		}
	}
	l.refusals.metrics.front.open.Dec()
}

// overloaded is the response to a connection that is refused.
var overloaded = func() []byte {
	const body = `{"error":{"code":"queue_full","message":"too many connections are open; try again later"}}`
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json; charset=utf-8\r\n"+
		"Content-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", len(body), body)
}()

// refuse responds to a connection, and closes it once its client had time to read the response. The
// write does not wait: it is the connection's first.
func (l *connections) refuse(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(leaveTime / 100)) // of other networks than TCP
	_, err := c.Write(overloaded)
	l.mu.Lock()
	wait := err == nil && l.leaving < l.leave
	if wait {
		l.leaving++
	}
	l.mu.Unlock()
	if !wait {
		c.Close()
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the client reads to the end
	}
	time.AfterFunc(leaveTime, func() {
		c.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leaving--
	})
}

// refusing notes a response that is net/http's own, as no handler has the request.
func (l *connections) refusing(c *connection, response []byte) {
	status, ok := bytes.CutPrefix(response, []byte("HTTP/1.1 "))
	if !ok || len(status) < 3 || status[0] < '4' {
		return
	}
	reason := "malformed"
	switch {
	case c.framing.tls:
		reason = "tls"
	case string(status[:3]) == "431":
		reason = "head_too_large"
	}
	line, _, _ := bytes.Cut(status, []byte("\r\n"))
	l.refusals.add(reason, c.peer(), string(line))
}

// broken notes that a connection ended within a head because that took too long.
func (l *connections) broken(c *connection, err error) {
	if c.framing.begun && !c.late && !c.serving.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
		c.late = true
		l.refusals.add("head_timeout", c.peer(), "a request's head, or a frame of HTTP/2, took too long")
	}
}

// peer returns the address of the connection's peer, without its port.
func (c *connection) peer() string {
	remote := c.socket.RemoteAddr().String()
	if a, ok := peerAddress(remote); ok {
		return a.String()
	}
	return remote
}

// serve lets a handler serve requests of connections.
func serve(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := connectionOf(r); c != nil {
			c.serving.Store(true) // until the response is written: see idle
		} else if r.ProtoMajor > 1 && r.Context().Err() != nil {
			// The stream was reset before its handler ran. As long as one handler of a connection
			// runs, net/http keeps all streams that the connection had, also those behind it.
			return
		}
		h.ServeHTTP(w, r)
	})
}

// idle notes that a connection of HTTP/1 waits for its next request; it is an http.Server's
// ConnState.
func idle(c net.Conn, s http.ConnState) {
	if c, ok := c.(*connection); ok && s == http.StateIdle {
		c.serving.Store(false)
	}
}
