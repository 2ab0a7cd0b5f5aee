package upstream

import (
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/outbound"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// TestOverTCP is about what only real sockets have: resets, TLS, HTTP/2, malformed chunked
// encoding.
func TestOverTCP(t *testing.T) {
	whole := test.Whole("m", 60)
	for name, c := range map[string]struct {
		script  test.Script
		http2   bool
		unknown bool // no client trusts the server's certificate
		gone    bool // nothing listens
		code    apierr.Code
		log     string // the kind of failure in the log
	}{
		"HTTP/1.1":              {script: whole},
		"HTTP/2":                {script: whole, http2: true},
		"reset before the head": {script: test.Script{test.Reset}, code: apierr.CodeUpstreamCut, log: "reset: "},
		"reset in the middle":   {script: test.Script{test.Tokens("m", 0, 3), test.Reset}, code: apierr.CodeUpstreamCut},
		"broken chunks":         {script: test.Script{test.Tokens("m", 0, 3), test.Cut}, code: apierr.CodeUpstreamCut},
		"RST_STREAM":            {script: test.Script{test.Tokens("m", 0, 3), test.Cut}, http2: true, code: apierr.CodeUpstreamCut},
		"RST_STREAM at once":    {script: test.Script{test.Cut}, http2: true, code: apierr.CodeUpstreamCut},
		"unknown certificate":   {script: whole, http2: true, unknown: true, code: apierr.CodeUpstreamError, log: "tls: "},
		"refused":               {script: whole, gone: true, code: apierr.CodeUpstreamError, log: "refused: "},
		"an event of 4 MiB":     {script: test.Script{test.Send("data: {\"x\":\"" + strings.Repeat("x", 4<<20) + "\"}\n\n"), test.Tokens("m", 0, 60), test.Send(test.Finish("m")), test.Send(test.Done)}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(test.New(c.script))
			server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			server.EnableHTTP2 = c.http2
			if c.http2 {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			address := server.Listener.Addr().(*net.TCPAddr).IP.String()
			if c.gone {
				server.Close()
			}
			var log strings.Builder
			var connection outbound.Config
			if c.http2 && !c.unknown {
				connection.CAFile = filepath.Join(t.TempDir(), "ca.pem")
				authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
				if err := os.WriteFile(connection.CAFile, authority, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m, err := newModel(Config{
				Name: "gpt", Servers: []Server{{Name: "a", BaseURL: server.URL + "/v1", Model: "model-a", Weight: 1, Connection: connection}},
				Timeouts: Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: time.Minute, Whole: time.Minute},
				Gate:     engine.GateConfig{Permits: 1}, Observer: &attemptLog{}, Log: logTo(&log),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer m.close()
			request, err := dialect.NewChat().Decode(dialect.Input{Body: []byte(chatBody)})
			if err != nil {
				t.Fatal(err)
			}
			g, err := m.prepare(request)
			if err != nil {
				t.Fatal(err)
			}
			r := &reply{}
			_, err = m.generate(t.Context(), g, func(deltas ...dialect.Delta) error {
				for _, d := range deltas {
					r.chunks = append(r.chunks, string(d.Event.Data))
					for _, e := range d.More {
						r.chunks = append(r.chunks, string(e.Data))
					}
				}
				return nil
			})
			if c.code == "" {
				if err != nil || r.text() != test.Text(0, 60) {
					t.Errorf("%d chunks arrived, then %v", len(r.chunks), err)
				}
				return
			}
			var e *apierr.Error
			if !errors.As(err, &e) || e.Code != c.code || strings.Contains(e.Message, address) {
				t.Errorf("the client gets %v", err)
			}
			if !strings.Contains(log.String(), c.log) {
				t.Errorf("the log is %s", log.String())
			}
		})
	}
}
