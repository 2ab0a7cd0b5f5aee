package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	test "penstock/llm/upstream/upstreamtest"
)

const (
	brief  = 300 * time.Millisecond // the limit that a row's fault runs into; all others are patience
	secret = "sk-operators-own"     // Penstock's key for the upstream
)

// fault is a row: what an upstream does, and what becomes of it.
type fault struct {
	name string

	both            test.Script // what the upstream does, streaming and not
	streamed, whole test.Script // where that differs; where both are nil too, the fault cannot be
	first           test.Script // what it does at the first request, where that differs from the others
	at              func(*testing.T, *httptest.Server) (baseURL string)
	timeouts        func(*upstream.Timeouts)
	gateway         func(*gateway.Options)
	gone            bool          // the client leaves once it has got what the script sends, if anything
	lazy            bool          // the client reads only the head until the upstream has ended or been left
	begun           chan struct{} // closed once the client has the head; may be nil

	sees, seesWhole   string // as told writes it; "": the fault cannot be
	asked, askedWhole string // the outcomes counted for the upstream; askedWhole "": the same
}

// Every row of docs/faults.md, through real sockets: an upstream that does just that, Penstock, and a client that looks at
// the raw bytes.
func TestFaults(t *testing.T) {
	rows := faults()
	t.Run("in the document", func(t *testing.T) { inTheDocument(t, rows) })
	for _, f := range rows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			if f.sees != "" {
				t.Run("streaming", func(t *testing.T) { f.happens(t, true, f.streamed, f.sees, f.asked) })
			}
			if f.seesWhole != "" {
				asked := f.asked
				if f.askedWhole != "" {
					asked = f.askedWhole
				}
				t.Run("not", func(t *testing.T) { f.happens(t, false, f.whole, f.seesWhole, asked) })
			}
		})
	}
}

// happens lets the fault happen to one client.
func (f fault) happens(t *testing.T, streams bool, script test.Script, sees, asked string) {
	if script == nil {
		script = f.both
	}
	u := &scripted{asked: make(chan struct{})}
	u.script = test.New(append(test.Script{u.noteAsked}, script...))
	if f.first != nil {
		u.script = test.New(f.first, script)
	}
	server := httptest.NewUnstartedServer(u)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if f.at == nil {
		server.Start()
	}
	t.Cleanup(server.Close)
	url := server.URL
	if f.at != nil {
		url = f.at(t, server)
	}
	counted := &tally{}
	address, stop := f.serve(t, url, counted)
	defer stop()

	got := f.ask(t, address, streams, u)
	stop()         // then all is counted
	server.Close() // and noted
	if said := got.told(); said != sees {
		t.Errorf("the client sees %q, not %q", said, sees)
	}
	if c := counted.String(); c != asked {
		t.Errorf("counted was %q, not %q", c, asked)
	}
	wrote, err := unpacked(u.wrote())
	if err != nil {
		t.Fatal(err)
	}
	got.check(t, wrote, strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://"))
	for _, r := range u.script.Requests(false) {
		if asked == "canceled" && r.Left.IsZero() {
			t.Error("the upstream's request goes on without its client")
		}
	}
}

// serve serves a model that lives on the upstream, called a, until stop is called.
func (f fault) serve(t *testing.T, baseURL string, counted *tally) (address string, stop func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	metrics := gateway.NewMetrics("test", log)
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}, Observer: metrics})
	c := upstream.Config{
		Name:     "gpt",
		Servers:  []upstream.Server{{Name: "a", BaseURL: baseURL + "/v1", APIKey: secret, Model: "model-a", Weight: 1}},
		Timeouts: upstream.Timeouts{Connect: patience, FirstToken: patience, BetweenTokens: patience, Whole: patience},
		Gate:     engine.GateConfig{Permits: 2, Queue: 2, Timeout: patience},
		Observer: counted, Log: log,
	}
	if f.timeouts != nil {
		f.timeouts(&c.Timeouts)
	}
	if _, err := upstream.Add(e, c); err != nil {
		t.Fatal(err)
	}
	o := gateway.Options{
		Engine: e, Metrics: metrics, Log: log,
		MaxBody: 1 << 20, ReadHeaderTimeout: patience, Heartbeat: patience, WriteTimeout: patience, Retry: time.Second, Buffer: 8 << 20, Window: time.Minute,
	}
	if f.gateway != nil {
		f.gateway(&o)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	<-e.Load(t.Context())
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- gateway.New(o).Serve(ctx, listener, patience) }()
	return listener.Addr().String(), sync.OnceFunc(func() {
		end()
		if err := <-served; err != nil {
			t.Error(err)
		}
		for _, gate := range e.Snapshot().Gates {
			if gate.InUse != 0 || gate.Inside != 0 {
				t.Errorf("left at the gate: %+v", gate)
			}
		}
	})
}

// tally counts the outcomes of the requests to the upstream.
type tally struct {
	mu       sync.Mutex
	outcomes []string
}

// Asked implements upstream.Observer.
func (c *tally) Asked(_, _ string, o upstream.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, string(o))
}

// String says "2 × error" of two in a row.
func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.outcomes) > 1 && len(slices.Compact(slices.Clone(c.outcomes))) == 1 {
		return fmt.Sprintf("%d × %s", len(c.outcomes), c.outcomes[0])
	}
	return strings.Join(c.outcomes, ", ")
}

// scripted is an upstream that keeps what it has written in answer to its last request.
type scripted struct {
	script *test.Server
	asked  chan struct{} // closed once it has been asked
	once   sync.Once

	mu   sync.Mutex
	body bytes.Buffer
}

// noteAsked is an act.
func (s *scripted) noteAsked(http.ResponseWriter, *http.Request) {
	s.once.Do(func() { close(s.asked) })
}

// ServeHTTP implements http.Handler.
func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.body.Reset()
	s.mu.Unlock()
	s.script.ServeHTTP(kept{w, s}, r)
}

// wrote returns the body of the last server.Response, as far as it came.
func (s *scripted) wrote() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body.String()
}

type kept struct {
	http.ResponseWriter
	by *scripted
}

func (k kept) Write(p []byte) (int, error) {
	k.by.mu.Lock()
	k.by.body.Write(p)
	k.by.mu.Unlock()
	return k.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (k kept) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// inTheDocument compares the table in docs/faults.md with the rows; PENSTOCK_UPDATE_GOLDEN=1 writes it anew.
func inTheDocument(t *testing.T, rows []fault) {
	var table strings.Builder
	table.WriteString("| What happens | A streaming client sees | One that does not stream sees | Counted for the upstream |\n| --- | --- | --- | --- |\n")
	for _, f := range rows {
		asked := f.asked
		if f.askedWhole != "" {
			asked = strings.TrimPrefix(f.asked+"; not streaming: "+f.askedWhole, "; not streaming: ")
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", f.name, orDash(f.sees), orDash(f.seesWhole), asked)
	}
	file := filepath.Join(server.Root(t), "docs", "faults.md")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	begin := strings.Index(text, "\n|") + 1
	end := strings.LastIndex(text, "|\n") + 2
	if begin == 0 || end < begin {
		t.Fatal("the document has no table")
	}
	if text[begin:end] == table.String() {
		return
	}
	if os.Getenv("PENSTOCK_UPDATE_GOLDEN") == "" {
		t.Fatal("the document's table is not that of the test: PENSTOCK_UPDATE_GOLDEN=1 writes it anew")
	}
	if err := os.WriteFile(file, []byte(text[:begin]+table.String()+text[end:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}
