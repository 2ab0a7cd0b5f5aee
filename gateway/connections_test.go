package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"penstock/gateway"
	"penstock/test/memnet"
)

// addressed is a network in memory whose clients have the addresses that dial is given, and whose
// listener fails as often as it is told to.
type addressed struct {
	*memnet.Listener
	from  chan string
	fails chan error
}

func newAddressed() *addressed {
	return &addressed{memnet.Listen(), make(chan string, 1000), make(chan error, 1000)}
}

func (l *addressed) Accept() (net.Conn, error) {
	select {
	case err := <-l.fails:
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", err)}
	default:
	}
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return addressedConn{c, <-l.from}, nil
}

type addressedConn struct {
	net.Conn
	from string
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func (c addressedConn) RemoteAddr() net.Addr { return address(c.from) }

// dial opens a connection.
func (l *addressed) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	l.from <- from
	c, err := l.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends a request and returns the response's status; 0: there was none.
func exchange(t *testing.T, c net.Conn) (int, http.Header) {
	t.Helper()
	go io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") // what is refused does not read it
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	if res.Close { // ReadResponse has taken the header out
		res.Header.Set("Connection", "close")
	}
	return res.StatusCode, res.Header
}

func limited(total, perAddress int) func(*gateway.Options) {
	return func(o *gateway.Options) {
		trusting("10.0.0.0/8")(o)
		o.Connections, o.PerAddress = total, perAddress
	}
}

// begunOn is begin for a test under virtual time that closes its connections itself.
func (s *server) begunOn(t *testing.T, l net.Listener) (end func()) {
	stop, served := s.begin(t, l)
	return func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func TestConnectionsAreBoundedInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newAddressed()
		s := newServer(t, 1, 1, words(nil), limited(10, 100))
		end := s.begunOn(t, l)
		var open []net.Conn
		for i := range 10 {
			c := l.dial(t, fmt.Sprintf("192.0.2.%d:1", i))
			if status, _ := exchange(t, c); status != 200 {
				t.Fatalf("connection %d: %d", i, status)
			}
			open = append(open, c)
		}
		for i := range 200 {
			status, header := exchange(t, l.dial(t, fmt.Sprintf("198.51.100.%d:1", i)))
			if status != 503 || header.Get("Retry-After") == "" || header.Get("Connection") != "close" {
				t.Fatalf("one more: %d %v", status, header)
			}
		}
		got := metrics(s)
		for _, want := range []string{"penstock_connections_open 10", `penstock_connections_refused_total{reason="total"} 200`} {
			if !strings.Contains(got, want+"\n") {
				t.Errorf("no metric %s", want)
			}
		}
		if n := strings.Count(s.log.String(), "reason=total"); n != 1 {
			t.Errorf("%d lines", n)
		}
		if status, _ := exchange(t, open[3]); status != 200 {
			t.Errorf("a connection that is open: %d", status)
		}
		open[0].Close()
		synctest.Wait()
		if status, _ := exchange(t, l.dial(t, "198.51.100.1:2")); status != 200 {
			t.Errorf("after one was closed: %d", status)
		}
		for _, c := range open {
			c.Close()
		}
		time.Sleep(2 * time.Second) // virtual: refused connections are closed
		end()
	})
}

func TestConnectionsAreBoundedByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newAddressed()
		s := newServer(t, 1, 1, words(nil), limited(100, 2))
		end := s.begunOn(t, l)
		for i, c := range []struct {
			from   string
			status int
		}{
			{"192.0.2.1:1", 200},
			{"192.0.2.1:2", 200},
			{"192.0.2.1:3", 503},
			{"[::ffff:192.0.2.1]:4", 503},
			{"192.0.2.2:1", 200}, // another address
			{"[2001:db8::1]:1", 200},
			{"[2001:db8::2]:1", 200},
			{"[2001:db8::3]:1", 503}, // of the same /64
			{"[2001:db8:0:1::3]:1", 200},
			{"10.0.0.1:1", 200}, // a trusted proxy
			{"10.0.0.1:2", 200},
			{"10.0.0.1:3", 200},
			{"127.0.0.1:1", 200}, // this machine
			{"127.0.0.1:2", 200},
			{"[::1]:3", 200},
			{"[::1]:3", 200},
			{"[::1]:3", 200},
		} {
			if status, _ := exchange(t, l.dial(t, c.from)); status != c.status {
				t.Errorf("%d, from %s: %d", i, c.from, status)
			}
		}
		if !strings.Contains(metrics(s), `penstock_connections_refused_total{reason="per_address"} 3`+"\n") {
			t.Error("they are not counted")
		}
		time.Sleep(3 * time.Minute) // virtual: idle connections are closed
		if !strings.Contains(metrics(s), "penstock_connections_open 0\n") {
			t.Error("connections are left")
		}
		end()
	})
}

// While there are too many open files, the server waits a little longer each time, and goes on.
func TestTooManyOpenFilesStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newAddressed()
		for range 20 {
			l.fails <- syscall.EMFILE
		}
		s := newServer(t, 1, 1, words(nil))
		end := s.begunOn(t, l)
		since := time.Now()
		c := l.dial(t, "192.0.2.1:1")
		if status, _ := exchange(t, c); status != 200 {
			t.Errorf("status %d", status)
		}
		if took := time.Since(since); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("20 errors took %v", took)
		}
		if !strings.Contains(metrics(s), `penstock_connections_refused_total{reason="accept"} 20`+"\n") {
			t.Error("they are not counted")
		}
		if n := strings.Count(s.log.String(), "too many open files"); n < 1 || n > 3 {
			t.Errorf("%d lines in %v:\n%s", n, time.Since(since), s.log)
		}
		c.Close()
		end()
	})
}

func TestRequestsThatNoHandlerSeesAreCounted(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	url, _ := s.onTCP(t)
	for _, c := range []struct{ send, status, reason string }{
		{"NO REQUEST OF HTTP\r\n\r\n", "400", "malformed"},
		{"GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", "400", "malformed"},
		{"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "malformed"},
		{"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "400", "malformed"},
		{"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", "431", "head_too_large"},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n", "400", "tls"},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(conn, c.send)
		got, _ := io.ReadAll(conn) // to the end: the connection is closed
		if !strings.HasPrefix(string(got), "HTTP/1.1 "+c.status) || strings.Count(string(got), "HTTP/1.1 ") != 1 {
			t.Errorf("%.60q: %q", c.send, got)
		}
		conn.Close()
	}
	got := metrics(s)
	for reason, n := range map[string]int{"malformed": 4, "head_too_large": 1, "tls": 1} {
		if !strings.Contains(got, fmt.Sprintf("penstock_connections_refused_total{reason=%q} %d\n", reason, n)) {
			t.Errorf("%s is not counted %d times", reason, n)
		}
		if strings.Count(s.log.String(), "reason="+reason+" ") != 1 {
			t.Errorf("%s is not logged once:\n%s", reason, s.log)
		}
	}
	// What handlers respond is none of it.
	s.record(request("GET", "/nowhere", ""))
	if metrics(s) == "" || strings.Contains(metrics(s), `code="malformed"`) {
		t.Error("a handler's response is counted")
	}
}

// A head must be whole in time: on a new connection, and on one that had a request.
func TestUnfinishedHeadsAreCutInTime(t *testing.T) {
	proxied := map[string]bool{
		"a PROXY header, version 1": true, "a PROXY header, version 2": true, "a head behind a PROXY header": true,
		"a head without a PROXY header": true, "nothing from a proxy": true,
	}
	for name, begin := range map[string]string{
		"a PROXY header, version 1":     "PROX",
		"a PROXY header, version 2":     "\r\n\r\n\x00\r\nQU",
		"a head behind a PROXY header":  "PROXY TCP4 203.0.113.9 192.0.2.1 4 80\r\nGET /heal",
		"a head without a PROXY header": "GET /heal",
		"nothing from a proxy":          "",

		"a request line":            "GET /heal",
		"a head":                    "GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
		"nothing":                   "",
		"the beginning of a second": "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGE",
		"a second":                  "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost:",
		"the preface of HTTP/2":     "PRI * HTTP/2.0\r\n\r\nSM",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newAddressed()
				s := newServer(t, 1, 1, words(nil), limited(100, 100))
				end := s.begunOn(t, l)
				since := time.Now()
				from := "192.0.2.1:1"
				if proxied[name] {
					from = "10.0.0.1:1"
				}
				c := l.dial(t, from)
				go io.WriteString(c, begin)
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(since); took < 9*time.Second || took > 12*time.Second {
					t.Errorf("it was cut after %v", took)
				}
				if counted := strings.Contains(metrics(s), `penstock_connections_refused_total{reason="head_timeout"} 1`); counted != (begin != "") {
					t.Errorf("it is counted: %v", counted)
				}
				c.Close()
				end()
			})
		})
	}
}
