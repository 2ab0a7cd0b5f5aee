package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"penstock/dialect"
	test "penstock/llm/upstream/upstreamtest"
)

// Upstreams of one priority share the load by weight.
func TestUpstreamsOfOnePriorityShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := test.Script{test.Pause(time.Second), test.Tokens("m", 0, 1), test.Send(test.Done)}
		first, second := test.New(slow), test.New(slow)
		f := newFixture(t, func(c *Config) { c.Servers[1].Priority, c.Servers[1].Weight = 1, 3 }, first, second)
		defer f.close()
		done := make(chan *reply)
		for range 40 {
			go func() { done <- f.stream(dialect.Chat, chatBody) }()
		}
		for range 40 {
			if r := <-done; r.err != nil {
				t.Error(r.err)
			}
		}
		if a, b := len(first.Requests(true)), len(second.Requests(true)); a != 10 || b != 30 {
			t.Errorf("the load was shared %d to %d", a, b)
		}
	})
}
