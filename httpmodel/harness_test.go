package httpmodel_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"penstock/engine"
	"penstock/failover"
	"penstock/gateway"
	"penstock/httpmodel"
	"penstock/stream"
	"penstock/test/server"
)

// fixture is a gateway with one model, m.
type fixture struct {
	*server.Client
	engine   *engine.Engine
	outcomes outcomes
}

// outcomes is an Observer that collects how requests to servers ended.
type outcomes struct {
	mu   sync.Mutex
	list []string
}

func (o *outcomes) Attempted(_, server string, outcome failover.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, server+" "+string(outcome))
}

func (o *outcomes) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.list, ", ")
}

// config returns a configuration with generous limits.
func config() httpmodel.Config {
	return httpmodel.Config{
		Name: "m",
		Timeouts: httpmodel.Timeouts{
			Connect: server.Patience, FirstToken: server.Patience, BetweenTokens: server.Patience, Total: server.Patience,
		},
		MaxAnswer: 1 << 20, MaxEvent: 1 << 20,
		Gate: &engine.GateConfig{Permits: 100, Queue: 10},
		Log:  slog.New(slog.DiscardHandler),
	}
}

// at is the endpoint of these URLs, a, b and so on.
func at(urls ...string) *httpmodel.Endpoint {
	e := &httpmodel.Endpoint{Method: http.MethodPost, Timeout: server.Patience}
	for i, u := range urls {
		e.Servers = append(e.Servers, httpmodel.Server{Name: string(rune('a' + i)), URL: u})
	}
	return e
}

func streamAt(format httpmodel.Format, urls ...string) *httpmodel.Stream {
	return &httpmodel.Stream{Endpoint: *at(urls...), Format: format}
}

// start serves the model.
func start(t *testing.T, c httpmodel.Config) *fixture { return startWith(t, c, time.Minute) }

// startWith serves the model and others that are ready, with heartbeats after that much silence.
func startWith(t *testing.T, c httpmodel.Config, heartbeat time.Duration, others ...string) *fixture {
	t.Helper()
	f := &fixture{}
	metrics := gateway.NewMetrics("test", c.Log)
	f.engine = engine.New(engine.Options{
		Gate: engine.GateConfig{Permits: 1, Queue: 10}, Accept: gateway.AcceptVerb, Observer: metrics,
		Streams: stream.Options{Limit: 1000, Logs: stream.NewMemoryLogs(64<<20, nil)},
	})
	c.Observer = &f.outcomes
	if _, err := httpmodel.Add(f.engine, c); err != nil {
		t.Fatal(err)
	}
	for _, name := range others {
		f.engine.Add(name, engine.Lifecycle{Kind: "test"})
	}
	g := gateway.New(gateway.Options{Engine: f.engine, Metrics: metrics, Log: c.Log, Heartbeat: heartbeat})
	s := httptest.NewServer(g)
	f.Client = server.NewClient(t, s.URL)
	<-f.engine.Load(t.Context())
	t.Cleanup(func() {
		s.CloseClientConnections()
		if err := f.engine.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return f
}

// serve serves a handler on a port of this machine.
func serve(t *testing.T, h http.HandlerFunc) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// raw serves each connection one request, to which respond writes the response byte by byte as it
// wants, and closes the connection.
func raw(t *testing.T, respond func(w io.Writer, r *http.Request)) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				respond(c, r)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	return "http://" + l.Addr().String()
}

// inChunks returns a body in HTTP's chunks of up to n bytes, with the last one.
func inChunks(body string, n int) string {
	var b strings.Builder
	for len(body) > 0 {
		piece := body[:min(n, len(body))]
		body = body[len(piece):]
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
	}
	return b.String() + "0\r\n\r\n"
}

// write writes and flushes.
func write(w http.ResponseWriter, text string) {
	fmt.Fprint(w, text)
	w.(http.Flusher).Flush()
}
