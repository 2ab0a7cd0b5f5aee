package upstream

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
	test "penstock/llm/upstream/upstreamtest"
)

// BenchmarkRelay measures a chunk's way through this package, without the network and the engine:
// passed on as it is, and as a delta with typed values.
func BenchmarkRelay(b *testing.B) {
	events := strings.Repeat(test.Token("gpt-4o-mini-2024-07-18", 5), 1000)
	m, err := newModel(Config{Name: "gpt", Servers: []Server{{Name: "a", BaseURL: "http://localhost", Model: "m", Weight: 1}}, Timeouts: Timeouts{BetweenTokens: time.Minute}, Gate: engine.GateConfig{Permits: 1}})
	if err != nil {
		b.Fatal(err)
	}
	null := strings.ReplaceAll(events, "}]}\n", "}],\"usage\":null}\n")
	for name, c := range map[string]struct {
		dialect    dialect.Name
		in, events string
		asked      bool
	}{
		"openai.chat":          {dialect.Chat, chatBody, events, false},
		"openai.chat, trimmed": {dialect.Chat, chatBody, null, true},
		"penstock":             {dialect.Native, `{"prompt":"hi"}`, events, true},
	} {
		in, events := c.in, c.events
		b.Run(name, func(b *testing.B) {
			request, err := codecs[c.dialect].Decode(dialect.Input{Body: []byte(in)})
			if err != nil {
				b.Fatal(err)
			}
			g, err := m.prepare(request)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for n := 0; n < b.N; n += 1000 {
				r := &relay{outlet: &outlet{model: m, generation: g, emit: func(...dialect.Delta) error { return nil }}, sequence: &failover.Sequence{}}
				ctx, watchdog := r.sequence.Watch(b.Context(), time.Minute)
				o := &response{model: m, server: m.servers[0], sequence: r.sequence, head: &http.Response{Header: http.Header{}, Body: http.NoBody}, body: io.LimitReader(strings.NewReader(events), int64(len(events))), ctx: ctx, watchdog: watchdog, asked: c.asked}
				r.pass(o)
			}
		})
	}
}
