package acceptance

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"penstock/test/server"
)

// slotsInUse is the metric that counts the requests inside the shared gate.
const slotsInUse = `penstock_gate_slots_in_use{gate="local"}`

// from returns a client at another address of this machine: another caller.
func (c client) from(address string) client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	c.Cleanup(transport.CloseIdleConnections)
	other := server.NewClient(c.TB, c.URL)
	other.HTTP = &http.Client{Transport: transport}
	return client{other}
}

// As many clients as the gate has slots send a part of their bodies: none of them holds a slot.
func TestHalfSentBodiesHoldNoSlot(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 5, queue: {limit: 100}}"+bothModels)
	for i := range 105 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		path := requests[i%len(requests)].path
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", path); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if r := c.Post("/v1/models/clip:predict", pixel); r.Status != http.StatusOK {
			t.Fatalf("beside them a predict gets %d %s", r.Status, r.Body)
		}
	}
	if n := c.Metric(slotsInUse); n != 0 {
		t.Errorf("%v slots are held", n)
	}
}

// A caller that sends all it can leaves room for the next one, and has no more than its share from
// then on.
func TestOneCallerLeavesRoomForTheNext(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1, queue: {limit: 19, timeout: 10m}}"+bothModels)
	holder := c.holdPermit()
	var waiting []server.Pending
	for n := 2; n <= 18; n++ {
		waiting = append(waiting, c.PostAsync("/v1/models/clip:predict", pixel))
		c.WaitMetric(slotsInUse, float64(n))
	}
	refused := c.Post("/v1/models/clip:predict", pixel)
	c.checkRefused("one more", refused, http.StatusTooManyRequests, "queue_full")
	if !strings.Contains(refused.Body, `"reason":"caller_share"`) {
		t.Errorf("the refusal is %s", refused.Body)
	}

	other := c.from("127.0.0.2")
	next := other.PostAsync("/v1/models/clip:predict", pixel)
	c.WaitMetric(slotsInUse, 19)
	if n := c.Metric(`penstock_gate_callers{gate="local"}`); n != 2 {
		t.Errorf("%v callers are inside", n)
	}
	holder.Close()
	c.checkAllSucceed(append(waiting, next))
	if n := c.Metric(`penstock_gate_rejected_total{gate="local",reason="caller_share"}`); n != 1 {
		t.Errorf("%v requests were counted as refused", n)
	}
	c.checkBothModels()
}

// With all generations that may run, a predict is served before any of them ends.
func TestAPredictDoesNotWaitForGenerations(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 2}"+bothModels)
	c.holdPermit()
	queued := c.Open(http.MethodGet, "/v1/models/smollm2/stream?max_tokens=2&prompt=Hello", "")
	defer queued.Close()
	queued.Until("queued")
	if r := c.Post("/v1/models/clip:predict", pixel); r.Status != http.StatusOK {
		t.Errorf("a predict gets %d %s", r.Status, r.Body)
	}
	if n := c.Metric(server.PermitsInUse); n != 1 {
		t.Errorf("%v permits are held by generations, of which one may", n)
	}
}
