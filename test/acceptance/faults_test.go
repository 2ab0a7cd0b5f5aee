package acceptance

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"penstock/engine"
	"penstock/failover"
	"penstock/llm/upstream"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// secret is Penstock's key for the upstream.
const secret = "sk-operators-own"

// Every row of docs/faults.md is tried over real sockets: with an upstream that does just that,
// Penstock, and a client that checks the raw bytes.
func TestFaults(t *testing.T) {
	rows := faults()
	t.Run("documented", func(t *testing.T) { checkDocument(t, rows) })
	for _, f := range rows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			if f.sees != "" {
				t.Run("streaming", func(t *testing.T) { f.run(t, true, f.streamed, f.sees, f.outcomes) })
			}
			if f.seesWhole != "" {
				outcomes := f.outcomes
				if f.wholeOutcomes != "" {
					outcomes = f.wholeOutcomes
				}
				t.Run("whole", func(t *testing.T) { f.run(t, false, f.whole, f.seesWhole, outcomes) })
			}
		})
	}
}

// run lets the fault happen to one client.
func (f fault) run(t *testing.T, streams bool, script test.Script, sees, outcomes string) {
	u := &recordedUpstream{requested: make(chan struct{})}
	u.script = test.New(append(test.Script{u.noteRequest}, script...))
	if f.first != nil {
		u.script = test.New(f.first, script)
	}
	s := httptest.NewUnstartedServer(u)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if f.unreachable == nil {
		s.Start()
	}
	t.Cleanup(s.Close)
	url := s.URL
	if f.unreachable != nil {
		url = f.unreachable(t, s)
	}
	counted := &outcomeCounter{}
	address, stop := startRelay(t, url, f.timeouts, f.server, counted)
	defer stop()

	got := f.request(t, address, streams, u)
	stop()    // so that all outcomes are counted,
	s.Close() // and all requests recorded
	if described := got.describe(); described != sees {
		t.Errorf("the client sees %q, not %q", described, sees)
	}
	if c := counted.String(); c != outcomes {
		t.Errorf("the outcomes are %q, not %q", c, outcomes)
	}
	sent, err := decompressed(u.sent())
	if err != nil {
		t.Fatal(err)
	}
	if f.converted {
		got.checkText(t, sent)
		sent = got.body
	}
	got.check(t, sent, strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://"))
	if data, _, done := got.events(); done && f.chunks != 0 && len(data) != f.chunks {
		t.Errorf("received %d chunks, not %d", len(data), f.chunks)
	}
	for _, r := range u.script.Requests(false) {
		if outcomes == "canceled" && r.Left.IsZero() {
			t.Error("the upstream's request outlives the client's")
		}
	}
}

// startRelay serves a model with one upstream, called a, until stop is called.
func startRelay(t *testing.T, baseURL string, timeouts upstream.Timeouts, o testmodel.Options, counted *outcomeCounter) (address string, stop func()) {
	t.Helper()
	o.Permits, o.Grace, o.Retry = 1, server.Patience, time.Second
	for _, d := range []*time.Duration{&o.Heartbeat, &o.WriteTimeout} {
		if *d == 0 {
			*d = server.Patience
		}
	}
	if o.Buffer == 0 {
		o.Buffer = 8 << 20
	}
	o.Add = func(e *engine.Engine) error {
		_, err := upstream.Add(e, upstream.Config{
			Name:     "gpt",
			Servers:  []upstream.Server{{Name: "a", BaseURL: baseURL + "/v1", APIKey: secret, Model: "model-a", Weight: 1}},
			Timeouts: timeouts, MaxEvent: 4 << 20,
			Gate:     engine.GateConfig{Permits: 2, Queue: 2, Timeout: server.Patience},
			Observer: counted, Log: slog.New(slog.DiscardHandler),
		})
		return err
	}
	s, err := testmodel.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(s.URL, "http://"), sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// outcomeCounter collects the outcomes of the requests to the upstream.
type outcomeCounter struct {
	mu       sync.Mutex
	outcomes []string
}

// Attempted implements failover.Observer.
func (c *outcomeCounter) Attempted(_, _ string, o failover.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes = append(c.outcomes, string(o))
}

// String returns the outcomes as docs/faults.md has them.
func (c *outcomeCounter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return count(c.outcomes)
}

// recordedUpstream is an upstream that records the body of its last response.
type recordedUpstream struct {
	script    *test.Server
	requested chan struct{} // closed at its first request
	once      sync.Once

	mu   sync.Mutex
	body bytes.Buffer
}

// noteRequest is the first act of a script.
func (u *recordedUpstream) noteRequest(http.ResponseWriter, *http.Request) {
	u.once.Do(func() { close(u.requested) })
}

// ServeHTTP implements http.Handler.
func (u *recordedUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.body.Reset()
	u.mu.Unlock()
	u.script.ServeHTTP(recordingWriter{w, u}, r)
}

// sent returns the body of the last response, as far as it was written.
func (u *recordedUpstream) sent() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.body.String()
}

type recordingWriter struct {
	http.ResponseWriter
	upstream *recordedUpstream
}

// Write implements io.Writer.
func (w recordingWriter) Write(p []byte) (int, error) {
	w.upstream.mu.Lock()
	w.upstream.body.Write(p)
	w.upstream.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w recordingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// decompressed returns the text of a body that may be compressed with gzip.
func decompressed(body string) (string, error) {
	if !strings.HasPrefix(body, "\x1f\x8b") {
		return body, nil
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("decompress: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return "", fmt.Errorf("decompress: %w", err)
	}
	return string(text), nil
}

// checkDocument compares the table in docs/faults.md with the rows; PENSTOCK_UPDATE_GOLDEN=1
// rewrites it.
func checkDocument(t *testing.T, rows []fault) {
	var table strings.Builder
	table.WriteString("| What happens | A streaming client sees | A client that does not stream sees | Counted for the upstream |\n| --- | --- | --- | --- |\n")
	for _, f := range rows {
		outcomes := f.outcomes
		if f.wholeOutcomes != "" {
			outcomes = strings.TrimPrefix(f.outcomes+"; not streaming: "+f.wholeOutcomes, "; not streaming: ")
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", f.name, orDash(f.sees), orDash(f.seesWhole), outcomes)
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
		t.Fatal("the document's table is not the test's: PENSTOCK_UPDATE_GOLDEN=1 rewrites it")
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
