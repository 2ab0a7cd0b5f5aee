package upstream

import (
	"net/http"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// A stream is not complete because another server continued it, and then failed too.
func TestAContinuedStreamThatFailsIsNotComplete(t *testing.T) {
	for name, more := range map[string][]http.Handler{
		"two servers": nil,
		"three":       {test.New(test.Script{test.Tokens("model-c", 0, 1), test.Cut})},
	} {
		synctest.Test(t, func(t *testing.T) {
			silent := test.New(test.Script{test.Tokens("model-a", 0, 2), test.Stall})
			cut := test.New(test.Script{test.Tokens("model-b", 0, 4), test.Cut})
			f := newFixture(t, patient, append([]http.Handler{silent, cut}, more...)...)
			defer f.close()
			r := f.stream(dialect.Chat, chatBody)
			if r.err == nil || r.err.Code != apierr.CodeUpstreamCut || r.text() != test.Text(0, 4) {
				t.Errorf("%s: the client gets %q, %v after %v; the attempts were %s", name, r.text(), r.err, r.took, f.attempts)
			}
		})
	}
}
