package acceptance

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"penstock/test/server"
)

// pixel is a request with the smallest picture that is possible.
const pixel = `{"image":"data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="}`

// requests are all kinds of requests that need a permit.
var requests = []struct{ name, path, body string }{
	{"predict", "/v1/models/clip:predict", pixel},
	{"gathered stream", "/v1/models/smollm2:predict", `{"prompt":"Hello","max_tokens":2}`},
	{"stream", "/v1/models/smollm2/stream", `{"prompt":"Hello","max_tokens":2}`},
	{"chat", "/v1/chat/completions", `{"model":"smollm2","max_tokens":2,"messages":[{"role":"user","content":"Hello"}]}`},
	{"streamed chat", "/v1/chat/completions", `{"model":"smollm2","max_tokens":2,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`},
	{"completion", "/v1/completions", `{"model":"smollm2","max_tokens":2,"prompt":"Hello"}`},
}

// checkRefused checks a response that says to try again later.
func (c client) checkRefused(name string, r server.Response, status int, code string) {
	c.Helper()
	if got := r.Error(c).Code; r.Status != status || got != code {
		c.Errorf("%s: %d %s, want %d %s", name, r.Status, r.Body, status, code)
	}
	if seconds, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || seconds < 1 {
		c.Errorf("%s: Retry-After is %q", name, r.Header.Get("Retry-After"))
	}
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := c.holdPermit()
	waiter := c.PostAsync("/v1/models/clip:predict", pixel)
	c.WaitMetric(server.QueueDepth, 1)
	for _, request := range requests {
		c.checkRefused(request.name, c.Post(request.path, request.body), http.StatusTooManyRequests, "queue_full")
	}
	c.checkRefused("EventSource", c.Get("/v1/models/smollm2/stream?prompt=Hello"), http.StatusTooManyRequests, "queue_full")
	c.checkRefusedBeforeItsBody("/v1/models/clip:predict")

	if r := c.Get("/readyz"); r.Status != http.StatusOK {
		t.Errorf("with a full queue, /readyz returns %d %s", r.Status, r.Body)
	}
	if n := c.Metric(`penstock_gate_rejected_total{gate="local",reason="queue_full"}`); n != float64(len(requests)+2) {
		t.Errorf("%v requests were counted as refused", n)
	}
	holder.Close()
	c.checkAllSucceed([]server.Pending{waiter})
	c.checkBothModels()
}

// checkRefusedBeforeItsBody announces a body and sends none of it: the request is refused all the
// same.
func (c client) checkRefusedBeforeItsBody(path string) {
	c.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		c.Fatal(err)
	}
	defer conn.Close()
	if deadline, ok := c.Context().Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			c.Fatal(err)
		}
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusTooManyRequests {
		c.Errorf("before its body: %s", response.Status)
	}
}

func TestWaitingTooLongIs503(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1}"+bothModels, "PENSTOCK_RUNTIME_QUEUE_TIMEOUT=50ms")
	holder := c.holdPermit()
	for _, request := range requests {
		if request.name == "stream" {
			continue // the event with its position in the queue comes first, with status 200
		}
		c.checkRefused(request.name, c.Post(request.path, request.body), http.StatusServiceUnavailable, "queue_timeout")
	}
	events := c.Open(http.MethodPost, "/v1/models/smollm2/stream", endless).Rest()
	if len(events) != 2 || events[0].Type != "queued" || events[0].Data != `{"position":1}` || events[1].Type != "failed" || !strings.Contains(events[1].Data, `"queue_timeout"`) {
		t.Errorf("the events of a stream that waited too long are %v", events)
	}
	if held, queued := c.Metric(server.PermitsInUse), c.Metric(server.QueueDepth); held != 1 || queued != 0 {
		t.Errorf("%v permits are held, and %v requests wait", held, queued)
	}
	holder.Close()
	c.WaitMetric(server.PermitsInUse, 0)
	c.checkBothModels()
}

// The queue has one slot: each request could not even enter it if the one before were still there.
func TestAWaiterThatDisconnectsLeavesTheQueueAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := c.holdPermit()
	for i, request := range requests {
		waiter := c.PostAsync(request.path, request.body)
		c.WaitMetric(server.QueueDepth, 1)
		waiter.Cancel()
		c.WaitMetric(server.QueueDepth, 0)
		if i == 0 { // the only request that is no stream; once it is counted, its slot is free
			c.WaitMetric(`penstock_http_requests_total{code="499",method="POST",route="/v1/models/{name}/predict"}`, 1)
		} else {
			c.WaitMetric(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(i))
		}
		if r := <-waiter.Response; r.Status != 0 {
			t.Errorf("%s: a client that disconnected received %d %s", request.name, r.Status, r.Body)
		}
	}
	c.WaitMetric(`penstock_gate_rejected_total{gate="local",reason="canceled"}`, float64(len(requests)))
	if n := c.Metric(server.PermitsInUse); n != 1 {
		t.Errorf("%v permits are held", n)
	}
	holder.Close()
	c.WaitMetric(server.PermitsInUse, 0)
	c.checkBothModels()
}

// A waiter receives its position in the queue, and again when a waiter before it has disconnected.
func TestAWaiterReceivesItsPosition(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1}"+bothModels)
	holder := c.holdPermit()
	first := c.Open(http.MethodPost, "/v1/models/smollm2/stream", endless)
	if ev := first.Until("queued"); ev.Data != `{"position":1}` {
		t.Errorf("the first waiter received %s", ev.Data)
	}
	second := c.Open(http.MethodPost, "/v1/models/smollm2/stream", `{"prompt":"Hello","max_tokens":2}`)
	if ev := second.Until("queued"); ev.Data != `{"position":2}` {
		t.Errorf("the second waiter received %s", ev.Data)
	}
	first.Close()
	if ev := second.Until("queued"); ev.Data != `{"position":1}` {
		t.Errorf("when the first had disconnected, the second waiter received %s", ev.Data)
	}
	holder.Close()
	if ev := second.Until("done"); !strings.Contains(ev.Data, `"usage"`) {
		t.Errorf("done: %s", ev.Data)
	}
}
