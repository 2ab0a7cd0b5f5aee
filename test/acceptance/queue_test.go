package acceptance

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// pixel is a request for the smallest picture there is.
const pixel = `{"image":"data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="}`

// ways are the requests that need a permit, each by its name.
var ways = []struct{ name, path, body string }{
	{"predict", "/v1/models/clip:predict", pixel},
	{"gathered stream", "/v1/models/smollm2:predict", `{"prompt":"Hello","max_tokens":2}`},
	{"stream", "/v1/models/smollm2/stream", `{"prompt":"Hello","max_tokens":2}`},
	{"chat", "/v1/chat/completions", `{"model":"smollm2","max_tokens":2,"messages":[{"role":"user","content":"Hello"}]}`},
	{"streamed chat", "/v1/chat/completions", `{"model":"smollm2","max_tokens":2,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`},
	{"completion", "/v1/completions", `{"model":"smollm2","max_tokens":2,"prompt":"Hello"}`},
}

// refused checks an answer that says to try again later.
func (c client) refused(name string, a server.Response, status int, code string) {
	c.Helper()
	if got := a.error(c.T).Code; a.Status != status || got != code {
		c.Errorf("%s: %d %s, want %d %s", name, a.Status, a.Body, status, code)
	}
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 {
		c.Errorf("%s: Retry-After is %q", name, a.Header.Get("Retry-After"))
	}
}

func TestAFullQueueIsRefusedAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := c.holdPermit()
	waiter := c.PostAsync("/v1/models/clip:predict", pixel)
	c.WaitMetric(server.QueueDepth, 1)
	for _, way := range ways {
		c.refused(way.name, c.Post(way.path, way.body), http.StatusTooManyRequests, "queue_full")
	}
	c.refused("EventSource", c.Get("/v1/models/smollm2/stream?prompt=Hello"), http.StatusTooManyRequests, "queue_full")
	c.refusedBeforeItsBody("/v1/models/clip:predict")

	if a := c.Get("/readyz"); a.Status != http.StatusOK {
		t.Errorf("a full house is not ready: %d %s", a.Status, a.Body)
	}
	if n := c.Metric(`penstock_gate_rejected_total{gate="local",reason="queue_full"}`); n != float64(len(ways)+2) {
		t.Errorf("%v were counted as refused", n)
	}
	holder.Close()
	c.succeed([]flight{waiter})
	c.checkBothModels()
}

// refusedBeforeItsBody announces a body and sends none of it: the refusal comes all the same.
func (c client) refusedBeforeItsBody(path string) {
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
	for _, way := range ways {
		if way.name == "stream" {
			continue // it has been told its place in line, and so has a status
		}
		c.refused(way.name, c.Post(way.path, way.body), http.StatusServiceUnavailable, "queue_timeout")
	}
	events := c.Open(http.MethodPost, "/v1/models/smollm2/stream", endless).Rest()
	if len(events) != 2 || events[0].Type != "queued" || events[0].Data != `{"position":1}` || events[1].Type != "failed" || !strings.Contains(events[1].Data, `"queue_timeout"`) {
		t.Errorf("a stream that waited too long was told %v", events)
	}
	if held, line := c.Metric(server.PermitsInUse), c.Metric(server.QueueDepth); held != 1 || line != 0 {
		t.Errorf("%v hold a permit and %v wait", held, line)
	}
	holder.Close()
	c.WaitMetric(server.PermitsInUse, 0)
	c.checkBothModels()
}

// There is one place in line: each of these could not even come in, were the one before it still there.
func TestWhoLeavesTheQueueIsGoneFromItAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := c.holdPermit()
	for i, way := range ways {
		f := c.PostAsync(way.path, way.body)
		c.WaitMetric(server.QueueDepth, 1)
		f.Close()
		c.WaitMetric(server.QueueDepth, 0)
		if i == 0 { // the only way that is no stream; what is counted has given its place back
			c.WaitMetric(`penstock_http_requests_total{code="499",method="POST",route="/v1/models/{name}/predict"}`, 1)
		} else {
			c.WaitMetric(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(i))
		}
		if a := <-f.landed; a.Status != 0 {
			t.Errorf("%s: who left was answered %d %s", way.name, a.Status, a.Body)
		}
	}
	c.WaitMetric(`penstock_gate_rejected_total{gate="local",reason="canceled"}`, float64(len(ways)))
	if n := c.Metric(server.PermitsInUse); n != 1 {
		t.Errorf("%v hold a permit", n)
	}
	holder.Close()
	c.WaitMetric(server.PermitsInUse, 0)
	c.checkBothModels()
}

// Who waits is told his place, and told again when somebody before him has left.
func TestTheLineMovesUpWhenSomebodyLeaves(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 1}"+bothModels)
	holder := c.holdPermit()
	first := c.Open(http.MethodPost, "/v1/models/smollm2/stream", endless)
	if ev := first.Until("queued"); ev.Data != `{"position":1}` {
		t.Errorf("the first in line was told %s", ev.Data)
	}
	second := c.Open(http.MethodPost, "/v1/models/smollm2/stream", `{"prompt":"Hello","max_tokens":2}`)
	if ev := second.Until("queued"); ev.Data != `{"position":2}` {
		t.Errorf("the second in line was told %s", ev.Data)
	}
	first.Close()
	if ev := second.Until("queued"); ev.Data != `{"position":1}` {
		t.Errorf("the second in line was told %s when the first had left", ev.Data)
	}
	holder.Close()
	if ev := second.Until("done"); !strings.Contains(ev.Data, `"usage"`) {
		t.Errorf("done: %s", ev.Data)
	}
}
