package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

// overHTTP2 is inMemory with a client that uses HTTP/2, as proxies in front of a gateway do.
func (s *server) overHTTP2(t *testing.T) *http.Client {
	l := memnet.Listen()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols, DialContext: l.Dial}}
	s.serve(t, l, client)
	return client
}

func post(t *testing.T, client *http.Client, path, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.ProtoMajor != 2 {
		t.Errorf("the response is %s", res.Proto)
	}
	return res
}

// Over HTTP/2 a write deadline still runs when the write is done, and resets the stream.
func TestAStreamOverHTTP2MayBeSilentForLongerThanTheWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{}, 2)
		s := newServer(t, 1, 0, words(steps))
		steps <- struct{}{}
		time.AfterFunc(time.Minute, func() { steps <- struct{}{} })
		res := post(t, s.overHTTP2(t), "/v1/models/words/stream", `{"prompt":"Once upon"}`)
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), ": keep-alive\n\n") || !strings.Contains(string(b), "event: done") {
			t.Errorf("%v: %s", err, b)
		}
	})
}

func TestAWholeResponseOverHTTP2MayPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, func(e *engine.Engine) {
			engine.Generates(e.Add("remote", engine.Lifecycle{Kind: "test"}), "generate", engine.Generator[*dialect.Request, *dialect.Request, dialect.Delta]{
				Preprocess: same[*dialect.Request],
				Generate: func(_ context.Context, r *dialect.Request, _ func(...dialect.Delta) error) (engine.End, error) {
					r.Passthrough.Head(200, nil)
					if _, err := io.WriteString(r.Passthrough, `{"whole":`); err != nil {
						return engine.End{}, err
					}
					time.Sleep(time.Minute) // virtual
					_, err := io.WriteString(r.Passthrough, `true}`)
					return engine.Stopped(engine.Usage{}), err
				},
			})
		})
		res := post(t, s.overHTTP2(t), chatPath, remoteBody(false, "hello"))
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != `{"whole":true}` {
			t.Errorf("%v: %s", err, b)
		}
	})
}

func TestAStuckReaderOverHTTP2IsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil), func(o *gateway.Options) { o.Buffer = 64 << 20 }) // it is stuck before it is too far behind
		res := post(t, s.overHTTP2(t), "/v1/models/words/stream", `{"prompt":"`+strings.Repeat("word ", 70_000)+`"}`)
		defer res.Body.Close()
		time.Sleep(13 * time.Second)
		if g := s.Snapshot(); g.Readers != 0 || g.Gates[0].InUse != 0 {
			t.Errorf("still there after the write timeout: %+v", g)
		}
		if got := metrics(s); !strings.Contains(got, `penstock_stream_readers_dropped_total{reason="write_timeout"} 1`) {
			t.Error("it is not counted as stuck")
		}
		if b, err := io.ReadAll(res.Body); err == nil || strings.Contains(string(b), "event: done") {
			t.Errorf("the reader saw %v", err)
		}
	})
}
