package gateway

import (
	"context"
	"net"
	"net/http"
)

// unsplit is how many bytes net/http sends in one write as a chunk of HTTP/1.1. What is longer goes out in three: as far as
// a buffer of 4 KiB holds it, the rest, and the line end behind it.
const unsplit = 4000

// connection is a client's connection, whose writes can be joined into one: each costs a system call and wakes the client.
type connection struct {
	net.Conn
	joining bool
	pieces  []byte
}

// Write implements net.Conn.
func (c *connection) Write(p []byte) (int, error) {
	if c.joining {
		c.pieces = append(c.pieces, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// joined sends what write writes as one, by way of a buffer that it returns for the next time. Nobody else may write
// meanwhile. A failure to send is not write's to see.
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

// CloseWrite lets net/http end a connection such that its client reads the last answer first.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connections is a listener whose connections are of the kind above.
type connections struct{ net.Listener }

// Accept implements net.Listener.
func (l connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c}, nil
}

type connectionKey struct{}

// withConnection lets handlers find their connection; it is an http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf returns the connection a request has for itself; nil if it shares one, as in HTTP/2, or has none.
func connectionOf(r *http.Request) *connection {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}
