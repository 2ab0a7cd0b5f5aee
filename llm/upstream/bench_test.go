package upstream

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"penstock/engine"
	test "penstock/llm/upstream/upstreamtest"
)

// BenchmarkRelay is what a chunk costs on its way through here, network and engine apart.
func BenchmarkRelay(b *testing.B) {
	events := strings.Repeat(test.Token("gpt-4o-mini-2024-07-18", 5), 1000)
	m := newModel(Config{Name: "gpt", Servers: []Server{{Name: "a", Model: "m", Weight: 1}}, Timeouts: Timeouts{BetweenTokens: time.Minute}, Gate: engine.GateConfig{Permits: 1}})
	b.ReportAllocs()
	for n := 0; n < b.N; n += 1000 {
		r := &relay{model: m, emit: func(...engine.Encoded) error { return nil }}
		ctx, watch := newWatch(b.Context(), time.Minute, errFirstToken)
		a := &open{model: m, head: &http.Response{Header: http.Header{}, Body: http.NoBody}, body: io.LimitReader(strings.NewReader(events), int64(len(events))), ctx: ctx, watch: watch}
		r.relay(a, m.servers[0], &chunks{n: 1})
	}
}
