package gateway_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

// rawHTTP2 is a client that sends the frames that the test chooses, and reads what comes.
type rawHTTP2 struct {
	*http2.Framer
	conn   net.Conn
	block  bytes.Buffer
	hpack  *hpack.Encoder
	closed chan struct{} // closed when the server has closed the connection

	mu     sync.Mutex
	goAway http2.ErrCode
	resets int
	data   int // bytes
}

// dialRaw opens a connection with the preface and these settings.
func dialRaw(t *testing.T, l *memnet.Listener, settings ...http2.Setting) *rawHTTP2 {
	t.Helper()
	conn, err := l.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	c := &rawHTTP2{Framer: http2.NewFramer(conn, conn), conn: conn, closed: make(chan struct{})}
	c.hpack = hpack.NewEncoder(&c.block)
	go func() {
		defer close(c.closed)
		for {
			f, err := c.ReadFrame()
			if err != nil {
				conn.Close()
				return
			}
			c.mu.Lock()
			switch f := f.(type) {
			case *http2.GoAwayFrame:
				c.goAway = f.ErrCode
			case *http2.RSTStreamFrame:
				c.resets++
			case *http2.DataFrame:
				c.data += len(f.Data())
			}
			c.mu.Unlock()
		}
	}()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return c
}

// seen returns what has come so far.
func (c *rawHTTP2) seen() (goAway http2.ErrCode, resets, data int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.goAway, c.resets, c.data
}

// request returns the head of a request as a block of headers.
func (c *rawHTTP2) request(method, path string, more ...string) []byte {
	c.block.Reset()
	for i, fields := 0, append([]string{":method", method, ":scheme", "http", ":authority", "localhost", ":path", path}, more...); i < len(fields); i += 2 {
		_ = c.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

func (c *rawHTTP2) get(id uint32, path string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.request("GET", path), EndStream: true, EndHeaders: true})
}

// abused runs a test of a client in virtual time, and checks that another one is served while it is
// there and that nothing is left of it.
func abused(t *testing.T, add func(*engine.Engine), abuse func(t *testing.T, s *server, l *memnet.Listener)) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		s := newServer(t, 1, 0, add, func(o *gateway.Options) { o.Buffer = 64 << 20 })
		end := s.begunOn(t, l)
		abuse(t, s, l)
		client := l.Client()
		res, err := client.Get("http://localhost/v1/models/words/stream?prompt=Once+upon")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), "event: done") {
			t.Errorf("another client: %d %s, %v", res.StatusCode, b, err)
		}
		client.CloseIdleConnections()
		if g := s.Snapshot().Gates[0]; g.Inside != 0 || s.Snapshot().Readers != 0 {
			t.Errorf("left: %+v", s.Snapshot())
		}
		end()
	})
}

// What has begun must be whole in time, whatever else the connection does.
func TestUnfinishedHeadsOverHTTP2AreCutInTime(t *testing.T) {
	for name, send := range map[string]func(c *rawHTTP2) error{
		"a head without its end": func(c *rawHTTP2) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: c.request("GET", "/healthz")})
		},
		"a head that goes on byte by byte": func(c *rawHTTP2) error {
			block := c.request("GET", "/healthz")
			err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block[:1]})
			for i := 1; i < len(block) && err == nil; i++ {
				time.Sleep(2 * time.Second) // virtual
				err = c.WriteContinuation(3, false, block[i:i+1])
			}
			return nil // it is cut meanwhile
		},
		"the head of a frame": func(c *rawHTTP2) error { _, err := c.conn.Write([]byte{0, 0, 9, 1}); return err },
		"a frame":             func(c *rawHTTP2) error { _, err := c.conn.Write([]byte{0, 0, 9, 1, 4, 0, 0, 0, 3, 0x82}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var silent chan struct{}
			add := func(e *engine.Engine) {
				silent = make(chan struct{})
				words(silent)(e)
			}
			abused(t, add, func(t *testing.T, s *server, l *memnet.Listener) {
				c := dialRaw(t, l)
				if err := c.get(1, "/v1/models/words/stream?prompt=Once+upon"); err != nil { // the connection is not idle
					t.Fatal(err)
				}
				synctest.Wait()
				since := time.Now()
				go func() {
					if err := send(c); err != nil {
						t.Error(err)
					}
				}()
				<-c.closed
				if took := time.Since(since); took < 9*time.Second || took > 12*time.Second {
					t.Errorf("it was cut after %v", took)
				}
				if !strings.Contains(metrics(s), `penstock_connections_refused_total{reason="head_timeout"} 1`) {
					t.Error("it is not counted")
				}
				time.Sleep(time.Minute) // virtual: all that the client left behind is over
				close(silent)
			})
		})
	}
}

// A connection whose frames are whole is not cut, however slowly they come.
func TestABodyOverHTTP2MayPauseBetweenFrames(t *testing.T) {
	abused(t, words(nil), func(t *testing.T, s *server, l *memnet.Listener) {
		c := dialRaw(t, l)
		body := `{"prompt":"Once upon"}`
		if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.request("POST", "/v1/models/words:predict"), EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
		body = strings.Repeat(" ", 16000) + strings.TrimPrefix(body, " ") // at 1 KiB a second or more, pauses included
		for i, part := range []string{body[:16005], body[16005:]} {
			time.Sleep(time.Duration(i) * 12 * time.Second) // virtual
			if err := c.WriteData(1, i == 1, []byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if _, _, data := c.seen(); data == 0 {
			t.Error("there is no response")
		}
		c.conn.Close()
	})
}

func TestAFloodOfContinuationsIsCut(t *testing.T) {
	abused(t, words(nil), func(t *testing.T, _ *server, l *memnet.Listener) {
		c := dialRaw(t, l)
		c.request("GET", "/healthz")
		_ = c.hpack.WriteField(hpack.HeaderField{Name: "x-large", Value: strings.Repeat("x", 16000), Sensitive: true})
		block := bytes.Clone(c.block.Bytes())
		if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:9000]}); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for ; sent < 64<<20; sent += 16000 {
			c.block.Reset()
			_ = c.hpack.WriteField(hpack.HeaderField{Name: "x-large", Value: strings.Repeat("x", 15000), Sensitive: true})
			if err := c.WriteContinuation(1, false, c.block.Bytes()); err != nil {
				break
			}
		}
		if sent > 4<<20 {
			t.Errorf("it was cut after %d MiB", sent>>20)
		}
		<-c.closed
	})
}

// A client that opens streams and resets them at once makes a request of each.
func TestRapidResetsAreCut(t *testing.T) {
	abused(t, words(nil), func(t *testing.T, s *server, l *memnet.Listener) {
		c := dialRaw(t, l)
		tries := 0
		for id := uint32(1); tries < 100_000; id += 2 {
			tries++
			if c.get(id, "/v1/models/words/stream?prompt=Once+upon") != nil || c.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				break
			}
		}
		<-c.closed
		synctest.Wait()
		if tries > 600 {
			t.Errorf("it was cut after %d", tries)
		}
		if !strings.Contains(metrics(s), `penstock_connections_refused_total{reason="http2_resets"} 1`) {
			t.Error("it is not counted")
		}
	})
}

// A client whose window is 0 takes no byte of a body: its streams are cut after the write timeout.
func TestAReaderWithoutAWindowIsCut(t *testing.T) {
	for name, path := range map[string]string{
		"a stream":         "/v1/models/words/stream?prompt=Once+upon",
		"a whole response": "/v1/models",
		"a page":           "/",
		"metrics":          "/metrics",
	} {
		t.Run(name, func(t *testing.T) {
			abused(t, words(nil), func(t *testing.T, s *server, l *memnet.Listener) {
				c := dialRaw(t, l, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
				for id := uint32(1); id < 40; id += 2 {
					if err := c.get(id, path); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(14 * time.Second) // virtual
				if n := strings.Count(s.log.String(), "msg=request"); name == "a stream" && n != 20 {
					t.Errorf("%d of 20 requests are over", n)
				}
				if _, resets, data := c.seen(); resets != 20 || data != 0 {
					t.Errorf("%d streams were reset, and %d bytes came", resets, data)
				}
				c.conn.Close()
				<-c.closed
			})
		})
	}
}
