package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

// overHTTP2 is inMemory with a client that speaks HTTP/2, as proxies in front of a gateway do.
func (h *house) overHTTP2(t *testing.T) *http.Client {
	l := memnet.Listen()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &protocols, DialContext: l.Dial}}
	h.serve(t, l, client)
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
		t.Errorf("answered in %s", res.Proto)
	}
	return res
}

// Over HTTP/2 a write deadline counts on when the write is done, and resets the stream.
func TestAStreamOverHTTP2MayBeSilentForLongerThanAWriteMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{}, 2)
		h := newHouse(t, 1, 0, words(steps))
		steps <- struct{}{}
		time.AfterFunc(time.Minute, func() { steps <- struct{}{} })
		res := post(t, h.overHTTP2(t), "/v1/models/words/stream", `{"prompt":"Once upon"}`)
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(b), ": keep-alive\n\n") || !strings.Contains(string(b), "event: done") {
			t.Errorf("%v: %s", err, b)
		}
	})
}

func TestAWholeAnswerOverHTTP2MayPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 0, func(e *engine.Engine) {
			same := func(_ context.Context, in engine.Input) (engine.Input, error) { return in, nil }
			engine.Predicts(e.Add("remote", engine.Lifecycle{Kind: "test"}), "chat_whole", engine.Predictor[engine.Input, engine.Input, struct{}, engine.Output]{
				Decode:     func(in engine.Input) (engine.Input, error) { return in, nil },
				Preprocess: same,
				Predict: func(_ context.Context, in engine.Input) (struct{}, error) {
					in.Answer.Head(200, nil)
					if _, err := io.WriteString(in.Answer, `{"whole":`); err != nil {
						return struct{}{}, err
					}
					time.Sleep(time.Minute)
					_, err := io.WriteString(in.Answer, `true}`)
					return struct{}{}, err
				},
				Postprocess: func(context.Context, struct{}) (engine.Output, error) { return engine.Output{}, nil },
				Encode:      func(o engine.Output) (engine.Output, error) { return o, nil },
			})
		})
		res := post(t, h.overHTTP2(t), chatPath, ask(false, "hello"))
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != `{"whole":true}` {
			t.Errorf("%v: %s", err, b)
		}
	})
}

func TestAReaderWhoIsStuckOverHTTP2IsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1, 0, words(nil), func(o *gateway.Options) { o.Buffer = 64 << 20 }) // it is stuck before it is too far behind
		res := post(t, h.overHTTP2(t), "/v1/models/words/stream", `{"prompt":"`+strings.Repeat("word ", 70_000)+`"}`)
		defer res.Body.Close()
		time.Sleep(13 * time.Second)
		if g := h.Snapshot(); g.Readers != 0 || g.Gates[0].InUse != 0 {
			t.Errorf("still there after the write timeout: %+v", g)
		}
		if got := metrics(h); !strings.Contains(got, `penstock_stream_readers_dropped_total{reason="write_timeout"} 1`) {
			t.Error("it is not counted as stuck")
		}
		if b, err := io.ReadAll(res.Body); err == nil || strings.Contains(string(b), "event: done") {
			t.Errorf("the reader saw %v", err)
		}
	})
}
