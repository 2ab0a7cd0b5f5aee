package server

import (
	"bufio"
	"strconv"
	"strings"
	"time"
)

// Metrics of the shared gate.
const (
	PermitsInUse = `penstock_gate_permits_in_use{gate="local"}`
	QueueDepth   = `penstock_gate_queue_depth{gate="local"}`
)

// poll is how often WaitFor looks again.
const poll = 5 * time.Millisecond

// Metric returns the value of a metric, by its name and labels as /metrics writes them. One that is
// not there counts as 0.
func (c *Client) Metric(name string) float64 {
	c.Helper()
	for lines := bufio.NewScanner(strings.NewReader(c.Get("/metrics").Body)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				c.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// WaitMetric waits until a metric has a value.
func (c *Client) WaitMetric(name string, want float64) {
	c.Helper()
	c.WaitFor(name+" "+strconv.FormatFloat(want, 'g', -1, 64), func() bool { return c.Metric(name) == want })
}

// WaitFor polls until a condition holds of which the server sends no event. What the condition says
// does not depend on time; only Patience does.
func (c *Client) WaitFor(what string, holds func() bool) {
	c.Helper()
	again := time.NewTicker(poll)
	defer again.Stop()
	for !holds() {
		select {
		case <-c.ctx.Done():
			c.Fatalf("%s: waited %v in vain", what, Patience)
		case <-again.C:
		}
	}
}
