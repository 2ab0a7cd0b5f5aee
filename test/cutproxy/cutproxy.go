package cutproxy

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// Cut says where a connection is cut.
type Cut struct {
	After int64 // this many bytes from the target; 0: at its first byte, which is lost; negative: nowhere
	Reset bool  // with a TCP reset instead of a close
}

// Never does not cut a connection.
func Never() Cut { return Cut{After: -1} }

// Random returns a source of cuts anywhere in the first `most` bytes, half of them resets. The same
// seed makes the same cuts.
func Random(seed uint64, most int64) func() Cut {
	r := rand.New(rand.NewPCG(seed, 0))
	return func() Cut { return Cut{After: r.Int64N(most), Reset: r.IntN(2) == 0} }
}

// Proxy listens on a port that the kernel chooses. Its methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	cuts     atomic.Int64
	running  sync.WaitGroup

	mu     sync.Mutex
	next   func() Cut
	open   map[net.Conn]struct{}
	closed bool
}

// Listen starts a proxy for the target, a TCP address. next is called for each connection, in the
// order in which they are accepted, by one goroutine at a time. ctx is for dialing the target; an
// open connection outlives it, until Close.
func Listen(ctx context.Context, target string, next func() Cut) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for connections to cut: %w", err)
	}
	p := &Proxy{target: target, listener: l, next: next, open: map[net.Conn]struct{}{}}
	p.running.Go(func() { p.accept(ctx) })
	return p, nil
}

// Address returns where the proxy listens, HOST:PORT.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cuts returns how many connections have been cut.
func (p *Proxy) Cuts() int64 { return p.cuts.Load() }

// Close closes all connections and returns when the proxy's goroutines have ended.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return err
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		cut := p.next()
		p.mu.Unlock()
		p.running.Go(func() { p.forward(ctx, client, cut) })
	}
}

// forward forwards bytes between a client and the target until one of them closes, or the cut.
func (p *Proxy) forward(ctx context.Context, client net.Conn, cut Cut) {
	defer client.Close()
	target, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.target)
	if err != nil {
		return
	}
	defer target.Close()
	if !p.add(client, target) {
		return
	}
	defer p.remove(client, target)
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(target, client)
		target.Close() // the client has disconnected, and the target must see it
	})
	defer up.Wait()
	if copyUntil(client, target, cut.After) {
		p.cuts.Add(1)
		if cut.Reset {
			resetOnClose(client, target)
		}
	}
	client.Close()
	target.Close()
}

// copyUntil copies what the target sends, and reports whether it has reached the cut.
func copyUntil(client io.Writer, target io.Reader, after int64) bool {
	switch {
	case after < 0:
		_, _ = io.Copy(client, target)
		return false
	case after == 0:
		_, err := io.ReadFull(target, make([]byte, 1))
		return err == nil
	default:
		_, err := io.CopyN(client, target, after)
		return err == nil
	}
}

// resetOnClose makes the close of connections a TCP reset.
func resetOnClose(conns ...net.Conn) {
	for _, c := range conns {
		_ = c.(*net.TCPConn).SetLinger(0) // fails for a connection that is closed already
	}
}

// add adds open connections, and reports whether the proxy is still open.
func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.open[c] = struct{}{}
	}
	return !p.closed
}

// remove removes connections.
func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.open, c)
	}
}
