package gateway

import (
	"context"
	"net"
	"net/http"
)

// unsplit is how many bytes net/http sends in one write as a chunk of HTTP/1.1. It sends more in
// three writes: as much as a buffer of 4 KiB holds, the rest, and the line end after it.
const unsplit = 4000

// connection is a client's connection, whose writes can be joined into one: each write costs a
// system call and wakes the client.
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
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connections is a listener whose connections are *connection.
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
