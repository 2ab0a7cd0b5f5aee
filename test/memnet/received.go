package memnet

import (
	"context"
	"net"
	"sync"
)

// received is a connection whose peer can write before anything is read, as a socket's can: up to
// 64 writes wait to be read.
type received struct {
	net.Conn
	writes chan []byte
	rest   []byte // of the write that is being read
	err    error  // that ended the reading; set before writes is closed
	closed chan struct{}
	once   sync.Once
	reader sync.WaitGroup
}

// DialReceiving is Dial for a client that receives what it has not read yet. Its connection has no
// read deadline.
func (l *Listener) DialReceiving(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &received{Conn: conn, writes: make(chan []byte, 64), closed: make(chan struct{})}
	c.reader.Go(c.receive)
	return c, nil
}

func (c *received) receive() {
	defer close(c.writes)
	for {
		p := make([]byte, 4<<10)
		n, err := c.Conn.Read(p)
		if n > 0 {
			select {
			case c.writes <- p[:n]:
			case <-c.closed:
				c.err = net.ErrClosed
				return
			}
		}
		if err != nil {
			c.err = err
			return
		}
	}
}

// Read implements net.Conn.
func (c *received) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		next, ok := <-c.writes
		if !ok {
			return 0, c.err
		}
		c.rest = next
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close implements net.Conn.
func (c *received) Close() error {
	c.once.Do(func() { close(c.closed) })
	err := c.Conn.Close()
	c.reader.Wait()
	return err
}
