package cutproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve sends the same bytes on each connection once it has read a byte, and reports on left the
// error of the next read: the client has disconnected.
func serve(t *testing.T, response []byte) (address string, left chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	left = make(chan error)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var b [1]byte
			_, _ = io.ReadFull(c, b[:])
			_, _ = c.Write(response)
			_, err = io.ReadFull(c, b[:])
			c.Close()
			left <- err
		}
	}()
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), left
}

// Each connection is cut at its byte, by a close or a reset, and both sides see it.
func TestEachConnectionIsCutAtItsByte(t *testing.T) {
	response := bytes.Repeat([]byte("0123456789"), 1000)
	address, left := serve(t, response)
	cuts := []Cut{{0, false}, {0, true}, {1, false}, {9999, false}, {10000, true}, {5000, false}, {5000, true}}
	i := 0
	p, err := Listen(t.Context(), address, func() Cut { i++; return cuts[i-1] })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, cut := range cuts {
		c, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte{'\n'}); err != nil && !cut.Reset {
			t.Errorf("%+v: %v", cut, err)
		}
		got, err := io.ReadAll(c)
		if len(got) > int(cut.After) || !bytes.HasPrefix(response, got) || (!cut.Reset && len(got) != int(cut.After)) {
			t.Errorf("%+v: received %d bytes", cut, len(got))
		}
		if errors.Is(err, syscall.ECONNRESET) != cut.Reset || (err != nil && !cut.Reset) {
			t.Errorf("%+v: the client saw %v", cut, err)
		}
		if err := <-left; err == nil {
			t.Errorf("%+v: the target saw nothing", cut)
		}
		c.Close()
	}
	if p.Cuts() != int64(len(cuts)) {
		t.Errorf("%d cuts counted", p.Cuts())
	}
}

func TestTheTargetSeesThatTheClientDisconnects(t *testing.T) {
	address, left := serve(t, []byte("x"))
	p, err := Listen(t.Context(), address, Never)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := c.Write(b[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b[:]); err != nil || b[0] != 'x' {
		t.Fatal(err)
	}
	c.Close()
	if err := <-left; !errors.Is(err, io.EOF) {
		t.Errorf("the target saw %v", err)
	}
	if err := p.Close(); err != nil || p.Cuts() != 0 {
		t.Errorf("%v, %d cuts", err, p.Cuts())
	}
}

func TestCloseClosesOpenConnections(t *testing.T) {
	address, left := serve(t, []byte("x"))
	p, err := Listen(t.Context(), address, Never)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var b [1]byte
	if _, err := c.Write(b[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, b[:]); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := io.ReadFull(c, b[:]); err == nil {
		t.Error("still open")
	}
	if err := <-left; err == nil {
		t.Error("the target saw nothing")
	}
}
