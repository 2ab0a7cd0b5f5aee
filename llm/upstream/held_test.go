package upstream

import (
	"strings"
	"testing"
	"testing/synctest"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// A client that has been sent a heartbeat gets what a response began with, and then its failure.
func TestAResponseThatFailsShowsWhatWasHeldBack(t *testing.T) {
	event := func(name string) string { return "event: " + name + "\ndata: {\"type\":\"" + name + "\"}\n\n" }
	begin := event("response.created") + event("response.in_progress") + event("response.output_item.added")
	for name, c := range map[string]struct {
		scripts []test.Script
		want    string
	}{
		"cut before content": {
			[]test.Script{{test.Send(begin), test.Cut}},
			"response.created response.in_progress response.output_item.added",
		},
		"cut before content, with the response in its first event": {
			[]test.Script{{test.Send("event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}}\n\n"), test.Cut}},
			"response.created response.failed",
		},
		"nothing came": {[]test.Script{{test.Cut}}, "response.created response.in_progress response.failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil, test.New(c.scripts...))
				defer f.close()
				r := f.stream(dialect.Responses, `{"model":"gpt","input":"hi","stream":true}`)
				if got := strings.Join(r.opening, " "); got != c.want || len(r.names) > 0 || r.err == nil {
					t.Errorf("%q, then %q, then %v", got, r.names, r.err)
				}
			})
		})
	}
}
