package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/test/memnet"
)

// readUntil reads a body until it contains a text.
func readUntil(t *testing.T, body io.Reader, text string) (all string) {
	t.Helper()
	var b [1]byte
	for !strings.Contains(all, text) {
		if _, err := body.Read(b[:]); err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		all += string(b[:])
	}
	return all
}

// receiving is inMemory with a client that receives what it has not read yet.
func (s *server) receiving(t *testing.T) *http.Client {
	l := memnet.Listen()
	client := &http.Client{Transport: &http.Transport{DialContext: l.DialReceiving}}
	s.serve(t, l, client)
	return client
}

// A client that reads slowly gets the error, and its connection is broken off only then. Meanwhile
// its request holds nothing.
func TestAFailedStreamLingersBeforeItIsBrokenOff(t *testing.T) {
	for protocol, client := range map[string]func(*server, *testing.T) *http.Client{
		"HTTP/1.1": (*server).receiving, "HTTP/2.0": (*server).overHTTP2,
	} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, 1, 0, words(nil))
				res, err := client(s, t).Post("http://localhost"+chatPath, "application/json", strings.NewReader(chatBody(true, "Once FAIL")))
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				began := time.Now()
				synctest.Wait()
				if g := s.Snapshot().Gates[0]; res.Proto != protocol || g.InUse != 0 || g.Inside != 0 || s.Streams().Readers() != 0 {
					t.Errorf("%s: held at the gate: %+v, readers: %d", res.Proto, g, s.Streams().Readers())
				}
				if log := s.log.String(); !strings.Contains(log, "outcome=failed") {
					t.Errorf("the request is not over: %s", log)
				}
				time.Sleep(1400 * time.Millisecond)
				readUntil(t, res.Body, `"code":"upstream_cut"}}`+"\n\n")
				rest, err := io.ReadAll(res.Body)
				if err == nil || len(rest) > 0 || time.Since(began) != 1500*time.Millisecond {
					t.Errorf("after %v: %q, %v", time.Since(began), rest, err)
				}
			})
		})
	}
}

// It is bounded by the limits of connections, as each lingering one is open.
func TestAConnectionLingersUntilItsClientCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		client := s.inMemory(t)
		res, err := client.Post("http://localhost"+chatPath, "application/json", strings.NewReader(chatBody(true, "Once FAIL")))
		if err != nil {
			t.Fatal(err)
		}
		readUntil(t, res.Body, "upstream_cut")
		synctest.Wait()
		if got := metrics(s); !strings.Contains(got, "penstock_connections_open 1\n") {
			t.Error("the connection is not held")
		}
		res.Body.Close()
		synctest.Wait() // no time passes
		if got := metrics(s); !strings.Contains(got, "penstock_connections_open 0\n") {
			t.Error("the connection is held although its client has gone")
		}
	})
}

// A response in one piece that is cut lingers too. One whose client does not read is broken off.
func TestWhatLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, cutsWhole)
		client := s.inMemory(t)
		res, err := client.Post("http://localhost"+chatPath, "application/json", strings.NewReader(remoteBody(false, "hello")))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		began := time.Now()
		b, err := io.ReadAll(res.Body)
		if err == nil || len(b) == 0 || time.Since(began) != 1500*time.Millisecond {
			t.Errorf("after %v: %d bytes, %v", time.Since(began), len(b), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		l := memnet.Listen()
		s.serve(t, l, l.Client())
		conn, err := l.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := chatBody(true, "Once FAIL")
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", chatPath, len(body), body)
		time.Sleep(12*time.Second + 500*time.Millisecond) // a write may take a quarter longer than its timeout
		synctest.Wait()
		if got := metrics(s); !strings.Contains(got, "penstock_connections_open 0\n") {
			t.Error("a client that does not read keeps its connection")
		}
	})
}

// cutsWhole adds a model whose response in one piece, without a Content-Length, is cut, except when
// the prompt is "whole".
func cutsWhole(e *engine.Engine) {
	engine.Generates(e.Add("remote", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
		Preprocess: same[*dialect.Request],
		Generate: func(_ context.Context, r *dialect.Request, _ func(...dialect.Delta) error) (engine.End, error) {
			r.Passthrough.Head(200, http.Header{"Content-Type": {"application/json"}})
			if _, err := io.WriteString(r.Passthrough, `{"x":"`+strings.Repeat("x", 8<<10)+`"}`); err != nil {
				return engine.End{}, err
			}
			if strings.Contains(string(r.Body), "whole") {
				return engine.Stopped(engine.Usage{}), nil
			}
			return engine.End{}, errors.New("cut")
		},
	})
}

// A drain breaks off what lingers at the end of its flush time at the latest.
func TestALingeringConnectionDoesNotDelayADrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 0, words(steps))
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		reader := listen(t, client, "POST", "http://localhost"+chatPath, chatBody(true, "Once upon"))
		steps <- struct{}{}
		stop()
		time.Sleep(time.Minute) // the grace; the stream fails now, and lingers
		began := time.Now()
		if err := <-served; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the drain took %v more", took)
		}
		<-reader.over
		reader.leave()
		if !strings.Contains(reader.text, `"code":"draining"`) || reader.err == nil {
			t.Errorf("the reader got %q, %v", reader.text, reader.err)
		}
		client.CloseIdleConnections()
	})
}

// Over HTTP/1.0 the close of the connection is the end of a body without a length. What is not
// whole is reset, and what is whole ends cleanly.
func TestWhatIsCutOverHTTP10IsReset(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		add        func(*engine.Engine)
		contains   string
		reset      bool
	}{
		"a stream":                        {chatPath, chatBody(true, "Once upon"), words(nil), "data: [DONE]\n\n", false},
		"a stream that failed":            {chatPath, chatBody(true, "Once FAIL"), words(nil), `"code":"upstream_cut"}}` + "\n\n", true},
		"a native stream that failed":     {"/v1/models/words/stream", `{"prompt":"Once FAIL"}`, words(nil), "event: failed", false},
		"a response in one piece":         {chatPath, remoteBody(false, "whole"), cutsWhole, `x"}`, false},
		"a response in one piece, cut":    {chatPath, remoteBody(false, "hello"), cutsWhole, "xxx", true},
		"an error":                        {chatPath, "{}", words(nil), "missing_required_parameter", false},
		"a failure before the first byte": {chatPath, chatBody(true, "FAIL"), words(nil), "upstream_cut", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, 1, 0, c.add)
			url, _ := s.onTCP(t)
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST %s HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", c.path, len(c.body), c.body)
			got, err := io.ReadAll(bufio.NewReader(conn))
			if !strings.Contains(string(got), c.contains) || errors.Is(err, syscall.ECONNRESET) != c.reset || (err != nil) != c.reset {
				t.Errorf("%v after %q", err, got[max(0, len(got)-200):])
			}
		})
	}
}
