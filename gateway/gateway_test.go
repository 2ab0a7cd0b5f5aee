package gateway_test

import (
	"bytes"
	"context"
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

	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

// The clock of regexp2, which a tokenizer uses, stops seconds after its last use.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))
}

// server is a gateway with an engine whose models the test makes.
type server struct {
	*engine.Engine
	*gateway.Gateway
	log *syncWriter
}

// newServer returns a gateway with the models that add adds; change may alter its options.
func newServer(t testing.TB, permits, queue int, add func(*engine.Engine), change ...func(*gateway.Options)) *server {
	t.Helper()
	gate := engine.GateConfig{Permits: permits, Queue: queue, Timeout: 40 * time.Second}
	return newServerOf(t, engine.Options{Gate: gate}, add, change...)
}

// newServerOf is newServer with further options of the engine.
func newServerOf(t testing.TB, eo engine.Options, add func(*engine.Engine), change ...func(*gateway.Options)) *server {
	t.Helper()
	s := &server{log: &syncWriter{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	metrics := gateway.NewMetrics("test", log)
	eo.Observer, eo.Accept = metrics, gateway.AcceptVerb
	s.Engine = engine.New(eo)
	add(s.Engine)
	o := gateway.Options{
		Engine: s.Engine, Metrics: metrics, Log: log,
		Playground:        fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "js/app.js": {Data: []byte("// js")}},
		MaxBody:           1 << 20,
		ReadHeaderTimeout: 10 * time.Second, Heartbeat: 15 * time.Second, WriteTimeout: 10 * time.Second, Retry: 2 * time.Second, Buffer: 4 << 20, Window: time.Minute,
	}
	for _, c := range change {
		c(&o)
	}
	s.Gateway = gateway.New(o)
	<-s.Load(t.Context())
	return s
}

// serve runs the gateway on the listener until the test ends, and checks then that it leaves
// nothing at the gate.
func (s *server) serve(t *testing.T, l net.Listener, client *http.Client) {
	t.Helper()
	stop, served := s.begin(t, l)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if g := s.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
			t.Errorf("left at the gate: %+v", g)
		}
	})
}

// begin runs the gateway on the listener until stop is called, and then drains for a minute at
// most.
func (s *server) begin(t *testing.T, l net.Listener) (stop context.CancelFunc, served <-chan error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	end := make(chan error, 1)
	go func() { end <- s.Serve(ctx, l, time.Minute) }()
	return stop, end
}

// inMemory serves on a network in memory, for virtual time.
func (s *server) inMemory(t *testing.T) *http.Client {
	l := memnet.Listen()
	client := l.Client()
	s.serve(t, l, client)
	return client
}

// onTCP serves on a port of the kernel's choice.
func (s *server) onTCP(t *testing.T) (url string, client *http.Client) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client = &http.Client{Transport: &http.Transport{}}
	s.serve(t, l, client)
	return "http://" + l.Addr().String(), client
}

// record serves one request without any network.
func (s *server) record(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(recorder{w}, r)
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
