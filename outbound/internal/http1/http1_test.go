package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"penstock/test/memnet"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const short = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// server runs a script of the test on each of its connections.
type server struct {
	t        *testing.T
	listener *memnet.Listener
	scripts  []func(*peer)
	running  sync.WaitGroup // the scripts
	dialed   int
}

// peer is the server's end of a connection.
type peer struct {
	net.Conn
	t    *testing.T
	read *bufio.Reader
}

// receive reads a request and returns its body.
func (p *peer) receive() string {
	r, err := http.ReadRequest(p.read)
	if err != nil {
		return err.Error()
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// send writes text. The client may have disconnected; its test sees that.
func (p *peer) send(text string) { _, _ = io.WriteString(p, text) }

// responses reads requests, and responds to each with the next text.
func responses(texts ...string) func(*peer) {
	return func(p *peer) {
		for _, s := range texts {
			switch got := p.receive(); got {
			case "request":
				p.send(s)
			case "EOF": // the client has closed the connection
				return
			default:
				p.t.Errorf("received %q", got)
			}
		}
	}
}

// open returns a server in a bubble of virtual time, and its client. A connection is closed at the
// end of its script.
func open(t *testing.T, scripts ...func(*peer)) (*server, *Transport) {
	s := &server{t: t, listener: memnet.Listen(), scripts: scripts}
	return s, &Transport{Dial: s.dial, Address: "server:80", Keep: 2, MaxHead: 1000}
}

func (s *server) dial(_ context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" || address != "server:80" || s.dialed == len(s.scripts) {
		return nil, errors.New("no more connections")
	}
	client, end := net.Pipe()
	script := s.scripts[s.dialed]
	s.dialed++
	s.running.Go(func() {
		defer end.Close()
		script(&peer{end, s.t, bufio.NewReader(end)})
	})
	return client, nil
}

func kept(t *Transport) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle)
}

// post sends a request and returns the body of the response.
func post(ctx context.Context, t *testing.T, rt http.RoundTripper) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server/v1", strings.NewReader("request"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := rt.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return string(b), err
}

func TestAConnectionReadToItsEndIsUsedAgain(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	for name, c := range map[string]struct {
		first string
		again bool
	}{
		"a length":                {short, true},
		"chunks":                  {chunked, true},
		"informational responses": {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + short, true},
		"no body at all":          {"HTTP/1.1 204 No Content\r\n\r\n", true},
		"the server will close":   {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
		"an old server":           {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		"something after the end": {short + "HTTP/1.1 200 OK\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, transport := open(t, responses(c.first, short), responses(short))
				for range 2 {
					if got, err := post(t.Context(), t, transport); err != nil || (got != "ok" && got != "") {
						t.Errorf("%q, %v", got, err)
					}
				}
				if (s.dialed == 1) != c.again {
					t.Errorf("%d connections", s.dialed)
				}
				transport.CloseIdleConnections()
				s.running.Wait()
			})
		})
	}
}

func TestAConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, transport := open(t, responses(short), responses(short))
		for range 2 {
			if got, err := post(t.Context(), t, transport); got != "ok" {
				t.Errorf("%q, %v", got, err)
			}
			synctest.Wait() // the server closes
		}
		if got, err := post(t.Context(), t, transport); got != "" || err == nil {
			t.Errorf("there are no more connections: %q, %v", got, err)
		}
		s.running.Wait()
	})
}

// A server that reads a request and closes the connection does not get it on one idle connection
// after the other.
func TestARequestIsSentAgainOnceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var received sync.WaitGroup
		received.Add(2)
		closes := func(p *peer) {
			p.receive()
			received.Done()
			received.Wait() // so that each has a connection of its own
			p.send(short)
			responses("")(p)
		}
		s, transport := open(t, closes, closes, responses(""), responses(""))
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if got, err := post(t.Context(), t, transport); got != "ok" {
					t.Errorf("%q, %v", got, err)
				}
			})
			synctest.Wait()
		}
		both.Wait()
		if kept(transport) != 2 {
			t.Fatalf("%d are kept", kept(transport))
		}
		if got, err := post(t.Context(), t, transport); got != "" || !errors.Is(err, errNoResponse) {
			t.Errorf("%q, %v", got, err)
		}
		if kept(transport) != 1 || s.dialed != 3 {
			t.Errorf("it was sent over %d of the idle connections and %d new ones", 2-kept(transport), s.dialed-2)
		}
		transport.CloseIdleConnections()
		s.running.Wait()
	})
}

func TestMalformedResponses(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		want string // in the error
	}{
		"nothing":                {"", "ended before a response"},
		"half a head":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "unexpected EOF"},
		"a long head":            {"HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 1000) + "\r\n\r\n", "more than 1000 bytes"},
		"not HTTP":               {"220 mail.example ESMTP\r\n", "malformed"},
		"another protocol":       {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "another protocol"},
		"a body that is cut":     {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "unexpected EOF"},
		"a chunk that is cut":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok", "unexpected EOF"},
		"chunks without an end":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "unexpected EOF"},
		"chunks that are broken": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, transport := open(t, responses(c.sent))
				if _, err := post(t.Context(), t, transport); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v", err)
				}
				if s.running.Wait(); kept(transport) != 0 {
					t.Error("the connection is kept")
				}
			})
		})
	}
}

// A client can cancel its request at any point; the server sees the connection close.
func TestCanceling(t *testing.T) {
	canceled := errors.New("canceled")
	for name, sent := range map[string]string{
		"before the head": "",
		"in the head":     "HTTP/1.1 200 OK\r\n",
		"in the body":     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var closed time.Time
				s, transport := open(t, func(p *peer) {
					responses(sent)(p)
					_, _ = p.read.ReadByte()
					closed = time.Now()
				})
				ctx, cancel := context.WithCancelCause(t.Context())
				begin := time.Now()
				time.AfterFunc(time.Second, func() { cancel(canceled) })
				if _, err := post(ctx, t, transport); err == nil || (sent == "" && !errors.Is(err, canceled)) {
					t.Errorf("%v", err)
				}
				if s.running.Wait(); closed.Sub(begin) != time.Second {
					t.Errorf("the server saw it after %v", closed.Sub(begin))
				}
			})
		})
	}
}

func TestABodyThatIsNotReadClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, transport := open(t, responses(short))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server/v1", strings.NewReader("request"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if n, err := response.Body.Read(make([]byte, 1)); n != 0 || err == nil || kept(transport) != 0 {
			t.Errorf("%d bytes, %v, %d kept", n, err, kept(transport))
		}
		s.running.Wait()
	})
}

// A server may refuse a long request before it has read all of it.
func TestAResponseBeforeTheEndOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, transport := open(t, func(p *peer) {
			if _, err := http.ReadRequest(p.read); err != nil {
				t.Error(err)
			}
			p.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
		})
		transport.Dial = early{s}.dial
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server/v1", bytes.NewReader(make([]byte, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge || kept(transport) != 0 {
			t.Errorf("%s, %d kept", response.Status, kept(transport))
		}
		s.running.Wait()
	})
}

// early makes connections like the kernel's, which keep a response for a client that is still
// writing, and let its writes fail.
type early struct{ *server }

func (e early) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := e.server.dial(ctx, network, address)
	return &held{Conn: c}, err
}

type held struct {
	net.Conn
	written  int
	response []byte
}

func (h *held) Write(p []byte) (int, error) {
	if h.written += len(p); h.written <= 4<<10 { // the head
		return h.Conn.Write(p)
	}
	if h.response == nil {
		h.response, _ = io.ReadAll(h.Conn)
	}
	return 0, net.ErrClosed
}

func (h *held) Read(p []byte) (int, error) {
	n := copy(p, h.response)
	h.response = h.response[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestIdleConnectionsAreLimitedInNumberAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(p *peer) {
			p.receive()
			<-time.After(time.Second) // so that all requests are open at once
			p.send(short)
			p.receive() // until the client closes
		}
		s, transport := open(t, waits, waits, waits)
		var mu sync.Mutex
		dial := transport.Dial
		transport.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			return dial(ctx, network, address)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if got, err := post(t.Context(), t, transport); got != "ok" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		all.Wait()
		if kept(transport) != 2 {
			t.Errorf("%d are kept", kept(transport))
		}
		begin := time.Now()
		if s.running.Wait(); time.Since(begin) != idleTimeout || kept(transport) != 0 {
			t.Errorf("they were kept for %v", time.Since(begin))
		}
	})
}

// Over TCP a connection that the server has closed is detected before anything is sent.
func TestAClosedConnectionIsDetected(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if !quiet(client) {
		t.Error("an open connection is not quiet")
	}
	server.Close()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // io.EOF itself
		t.Errorf("the read at the end returns %v", err)
	}
	if quiet(client) {
		t.Error("a closed connection is quiet")
	}
}
