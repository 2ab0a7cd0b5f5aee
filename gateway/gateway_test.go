package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"penstock/apierr"
	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a gateway over an engine whose models the test makes.
type house struct {
	*engine.Engine
	*gateway.Gateway
	log *syncWriter
}

// newHouse returns a gateway with the models that add adds; change may alter its options.
func newHouse(t testing.TB, permits, queue int, add func(*engine.Engine), change ...func(*gateway.Options)) *house {
	t.Helper()
	h := &house{log: &syncWriter{}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	metrics := gateway.NewMetrics("test", log)
	h.Engine = engine.New(engine.Options{Gate: engine.GateConfig{Permits: permits, Queue: queue, Timeout: 40 * time.Second}, Observer: metrics})
	add(h.Engine)
	o := gateway.Options{
		Engine: h.Engine, Metrics: metrics, Log: log,
		Playground:        fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "js/app.js": {Data: []byte("// js")}},
		MaxBody:           1 << 20,
		ReadHeaderTimeout: 10 * time.Second, Heartbeat: 15 * time.Second, WriteTimeout: 10 * time.Second, Retry: 2 * time.Second, Buffer: 4 << 20, Window: time.Minute,
	}
	for _, c := range change {
		c(&o)
	}
	h.Gateway = gateway.New(o)
	<-h.Load(t.Context())
	return h
}

// serve runs the gateway on the listener until the test ends, and checks then that nothing is left behind.
func (h *house) serve(t *testing.T, l net.Listener, client *http.Client) {
	t.Helper()
	stop, served := h.begin(t, l)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if g := h.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
			t.Errorf("left at the gate: %+v", g)
		}
	})
}

// begin runs the gateway on the listener until it is told to stop, for a minute at most from then on.
func (h *house) begin(t *testing.T, l net.Listener) (stop context.CancelFunc, served <-chan error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	end := make(chan error, 1)
	go func() { end <- h.Serve(ctx, l, time.Minute) }()
	return stop, end
}

// inMemory serves over a network that virtual time can see through.
func (h *house) inMemory(t *testing.T) *http.Client {
	l := memnet.Listen()
	client := l.Client()
	h.serve(t, l, client)
	return client
}

// onTCP serves on a port of the kernel's choice.
func (h *house) onTCP(t *testing.T) (url string, client *http.Client) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client = &http.Client{Transport: &http.Transport{}}
	h.serve(t, l, client)
	return "http://" + l.Addr().String(), client
}

// record answers one request without any network.
func (h *house) record(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(recorder{w}, r)
	return w
}

// recorder is a connection that is never slow.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

func request(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// syncWriter lets many goroutines write to a buffer and the test read it.
type syncWriter struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncWriter) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// words adds a generator "words" whose stream verb writes the prompt word by word, after each waiting for a step, if there
// is a channel of steps; a prompt's word "FAIL" or "PANIC" is done instead of said.
func words(steps <-chan struct{}) func(*engine.Engine) {
	return func(e *engine.Engine) {
		m := e.Add("words", engine.Lifecycle{Kind: "test"})
		type in struct {
			Prompt string `json:"prompt"`
		}
		engine.Generates(m, "stream", engine.Generator[in, []string, string]{
			Decode: func(i engine.Input) (v in, err error) {
				if i.Body == nil {
					return in{i.Query.Get("prompt")}, nil
				}
				if err := json.Unmarshal(i.Body, &v); err != nil {
					return v, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "not JSON"}
				}
				return v, nil
			},
			Preprocess: func(_ context.Context, i in) ([]string, error) {
				if i.Prompt == "" {
					return nil, apierr.InvalidInput("empty", "say something")
				}
				return strings.SplitAfter(i.Prompt, " "), nil
			},
			Generate: say(steps),
			Encode: func(s string) (engine.Encoded, error) {
				b, err := json.Marshal(map[string]string{"text": s})
				return engine.Encoded{Data: b}, err
			},
		})
		chat := engine.Generator[in, []string, string]{
			Decode: func(i engine.Input) (v in, err error) {
				var request struct{ Messages []struct{ Content string } }
				if err := json.Unmarshal(i.Body, &request); err != nil || len(request.Messages) == 0 {
					return v, apierr.InvalidInput("", "no messages")
				}
				return in{request.Messages[0].Content}, nil
			},
			Preprocess: func(_ context.Context, i in) ([]string, error) { return strings.SplitAfter(i.Prompt, " "), nil },
			Generate:   say(steps),
			Encode: func(s string) (engine.Encoded, error) {
				b, err := json.Marshal(s)
				return engine.Encoded{Data: []byte(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"words","choices":[{"index":0,"delta":{"content":` + string(b) + `},"finish_reason":null}]}`)}, err
			},
		}
		engine.Generates(m, "chat", chat)
	}
}

func say(steps <-chan struct{}) func(context.Context, []string, func(...string) error) (engine.End, error) {
	return func(ctx context.Context, words []string, emit func(...string) error) (engine.End, error) {
		for _, w := range words {
			if steps != nil {
				select {
				case <-steps:
				case <-ctx.Done():
					return engine.End{}, context.Cause(ctx)
				}
			}
			switch strings.TrimSpace(w) {
			case "FAIL":
				return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut", Cause: io.ErrUnexpectedEOF}
			case "PANIC":
				panic("on purpose")
			}
			if err := emit(w); err != nil {
				return engine.End{}, err
			}
		}
		return engine.Stopped(engine.Usage{PromptTokens: 1, CompletionTokens: len(words)}), nil
	}
}

// doubler adds a predictor "doubler".
func doubler(predict func(context.Context, int) (int, error)) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Predicts(e.Add("org/doubler", engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[int, int, int, int]{
			Preprocess:  func(_ context.Context, n int) (int, error) { return n, nil },
			Predict:     predict,
			Postprocess: func(_ context.Context, n int) (int, error) { return n, nil },
		})
	}
}
