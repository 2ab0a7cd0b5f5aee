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

// wire is a server whose connections are talked over as a test says: one talk a connection.
type wire struct {
	t        *testing.T
	listener *memnet.Listener
	over     sync.WaitGroup
	talks    []func(*peer)
	dialed   int
}

// peer is the server's end of a connection.
type peer struct {
	net.Conn
	t    *testing.T
	read *bufio.Reader
}

// asked reads a request and returns its body.
func (p *peer) asked() string {
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

func (p *peer) say(s string) { _, _ = io.WriteString(p, s) } // whether anybody listens is the test's to see

// answers reads requests, and answers each with the next text.
func answers(texts ...string) func(*peer) {
	return func(p *peer) {
		for _, s := range texts {
			switch got := p.asked(); got {
			case "question":
				p.say(s)
			case "EOF": // the connection is not wanted any more
				return
			default:
				p.t.Errorf("asked %q", got)
			}
		}
	}
}

// open starts a server in a bubble of virtual time. Connections are closed when their talk is over.
func open(t *testing.T, talks ...func(*peer)) (*wire, *Transport) {
	w := &wire{t: t, listener: memnet.Listen(), talks: talks}
	return w, &Transport{Dial: w.dial, Address: "server:80", Keep: 2, MaxHead: 1000}
}

func (w *wire) dial(_ context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" || address != "server:80" || w.dialed == len(w.talks) {
		return nil, errors.New("nobody is there")
	}
	client, server := net.Pipe()
	talk := w.talks[w.dialed]
	w.dialed++
	w.over.Go(func() {
		defer server.Close()
		talk(&peer{server, w.t, bufio.NewReader(server)})
	})
	return client, nil
}

func kept(t *Transport) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.idle)
}

// ask returns an answer's body.
func ask(ctx context.Context, t *testing.T, rt http.RoundTripper) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://server/v1", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := rt.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return string(b), err
}

func TestWhatIsReadToItsEndIsUsedAgain(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	for name, c := range map[string]struct {
		first string
		again bool
	}{
		"a length":                 {short, true},
		"chunks":                   {chunked, true},
		"hints before":             {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + short, true},
		"no body at all":           {"HTTP/1.1 204 No Content\r\n\r\n", true},
		"the server will close":    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false},
		"an old server":            {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false},
		"something behind the end": {short + "HTTP/1.1 200 OK\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, transport := open(t, answers(c.first, short), answers(short))
				for range 2 {
					if got, err := ask(t.Context(), t, transport); err != nil || (got != "ok" && got != "") {
						t.Errorf("%q, %v", got, err)
					}
				}
				if (w.dialed == 1) != c.again {
					t.Errorf("%d connections", w.dialed)
				}
				transport.CloseIdleConnections()
				w.over.Wait()
			})
		})
	}
}

func TestAConnectionThatWasClosedMeanwhileIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, transport := open(t, answers(short), answers(short))
		for range 2 {
			if got, err := ask(t.Context(), t, transport); got != "ok" {
				t.Errorf("%q, %v", got, err)
			}
			synctest.Wait() // the server closes
		}
		if got, err := ask(t.Context(), t, transport); got != "" || err == nil {
			t.Errorf("nobody is there any more: %q, %v", got, err)
		}
		w.over.Wait()
	})
}

// A server that reads a request and breaks off is not sent it over one idle connection after the other.
func TestARequestIsSentAgainOnceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked sync.WaitGroup
		asked.Add(2)
		breaksOff := func(p *peer) {
			p.asked()
			asked.Done()
			asked.Wait() // so that each has a connection of its own
			p.say(short)
			answers("")(p)
		}
		w, transport := open(t, breaksOff, breaksOff, answers(""), answers(""))
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if got, err := ask(t.Context(), t, transport); got != "ok" {
					t.Errorf("%q, %v", got, err)
				}
			})
			synctest.Wait()
		}
		both.Wait()
		if kept(transport) != 2 {
			t.Fatalf("%d are kept", kept(transport))
		}
		if got, err := ask(t.Context(), t, transport); got != "" || !errors.Is(err, errNoAnswer) {
			t.Errorf("%q, %v", got, err)
		}
		if kept(transport) != 1 || w.dialed != 3 {
			t.Errorf("it was sent over %d of the idle connections and %d new ones", 2-kept(transport), w.dialed-2)
		}
		transport.CloseIdleConnections()
		w.over.Wait()
	})
}

func TestWhatIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want string // in the error
	}{
		"nothing":                {"", "ended before an answer"},
		"half a head":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "unexpected EOF"},
		"a long head":            {"HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 1000) + "\r\n\r\n", "more than 1000 bytes"},
		"no HTTP":                {"220 mail.example ESMTP\r\n", "malformed"},
		"another protocol":       {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "another protocol"},
		"a body that is cut":     {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "unexpected EOF"},
		"a chunk that is cut":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok", "unexpected EOF"},
		"chunks without an end":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "unexpected EOF"},
		"chunks that are broken": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n", "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, transport := open(t, answers(c.said))
				if _, err := ask(t.Context(), t, transport); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v", err)
				}
				if w.over.Wait(); kept(transport) != 0 {
					t.Error("the connection is kept")
				}
			})
		})
	}
}

// Whoever does not want the answer any more leaves at any point; the server sees the connection go.
func TestLeaving(t *testing.T) {
	gone := errors.New("gone")
	for name, said := range map[string]string{
		"before the head": "",
		"in the head":     "HTTP/1.1 200 OK\r\n",
		"in the body":     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var closed time.Time
				w, transport := open(t, func(p *peer) {
					answers(said)(p)
					_, _ = p.read.ReadByte()
					closed = time.Now()
				})
				ctx, cancel := context.WithCancelCause(t.Context())
				begin := time.Now()
				time.AfterFunc(time.Second, func() { cancel(gone) })
				if _, err := ask(ctx, t, transport); err == nil || (said == "" && !errors.Is(err, gone)) {
					t.Errorf("%v", err)
				}
				if w.over.Wait(); closed.Sub(begin) != time.Second {
					t.Errorf("the server saw it after %v", closed.Sub(begin))
				}
			})
		})
	}
}

func TestABodyThatIsNotReadClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, transport := open(t, answers(short))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server/v1", strings.NewReader("question"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if n, err := answer.Body.Read(make([]byte, 1)); n != 0 || err == nil || kept(transport) != 0 {
			t.Errorf("%d bytes, %v, %d kept", n, err, kept(transport))
		}
		w.over.Wait()
	})
}

// A server may refuse a long request before it has read all of it.
func TestAnAnswerBeforeTheRequestsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, transport := open(t, func(p *peer) {
			if _, err := http.ReadRequest(p.read); err != nil {
				t.Error(err)
			}
			p.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
		})
		transport.Dial = early{w}.dial
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://server/v1", bytes.NewReader(make([]byte, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusRequestEntityTooLarge || kept(transport) != 0 {
			t.Errorf("%s, %d kept", answer.Status, kept(transport))
		}
		w.over.Wait()
	})
}

// early makes connections as kernels do, which hold an answer for who is still writing, and fail his writing.
type early struct{ *wire }

func (e early) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := e.wire.dial(ctx, network, address)
	return &held{Conn: c}, err
}

type held struct {
	net.Conn
	written int
	answer  []byte
}

func (h *held) Write(p []byte) (int, error) {
	if h.written += len(p); h.written <= 4<<10 { // the head
		return h.Conn.Write(p)
	}
	if h.answer == nil {
		h.answer, _ = io.ReadAll(h.Conn)
	}
	return 0, net.ErrClosed
}

func (h *held) Read(p []byte) (int, error) {
	n := copy(p, h.answer)
	h.answer = h.answer[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestOnlySoManyAreKeptAndNotForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(p *peer) {
			p.asked()
			time.Sleep(time.Second) // so that all are asked at once
			p.say(short)
			p.asked() // until the connection goes
		}
		w, transport := open(t, waits, waits, waits)
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
				if got, err := ask(t.Context(), t, transport); got != "ok" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		all.Wait()
		if kept(transport) != 2 {
			t.Errorf("%d are kept", kept(transport))
		}
		begin := time.Now()
		if w.over.Wait(); time.Since(begin) != idleTimeout || kept(transport) != 0 {
			t.Errorf("they were kept for %v", time.Since(begin))
		}
	})
}

// Over TCP a connection that its server has closed is seen before anything is sent.
func TestAClosedConnectionIsSeen(t *testing.T) {
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
		t.Error("an open connection is not taken for one")
	}
	server.Close()
	if _, err := client.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // io.EOF itself
		t.Errorf("the end has come: %v", err)
	}
	if quiet(client) {
		t.Error("a closed connection is taken for an open one")
	}
}
