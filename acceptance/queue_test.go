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
func (h *house) refused(name string, a answer, status int, code string) {
	h.Helper()
	if got := a.error(h.T).Code; a.status != status || got != code {
		h.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, status, code)
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
		h.Errorf("%s: Retry-After is %q", name, a.header.Get("Retry-After"))
	}
}

func TestAFullQueueIsRefusedAtOnce(t *testing.T) {
	h, _ := serve(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := h.hold()
	waiter := h.launch("/v1/models/clip:predict", pixel)
	h.until(waiting, 1)
	for _, way := range ways {
		h.refused(way.name, h.post(way.path, way.body), http.StatusTooManyRequests, "queue_full")
	}
	h.refused("EventSource", h.get("/v1/models/smollm2/stream?prompt=Hello"), http.StatusTooManyRequests, "queue_full")
	h.refusedBeforeItsBody("/v1/models/clip:predict")

	if a := h.get("/readyz"); a.status != http.StatusOK {
		t.Errorf("a full house is not ready: %d %s", a.status, a.body)
	}
	if n := h.metric(`penstock_gate_rejected_total{gate="local",reason="queue_full"}`); n != float64(len(ways)+2) {
		t.Errorf("%v were counted as refused", n)
	}
	holder.leave()
	h.succeed([]flight{waiter})
	h.goesOn()
}

// refusedBeforeItsBody announces a body and sends none of it: the refusal comes all the same.
func (h *house) refusedBeforeItsBody(path string) {
	h.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	if deadline, ok := h.ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			h.Fatal(err)
		}
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\n", path)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusTooManyRequests {
		h.Errorf("before its body: %s", response.Status)
	}
}

func TestWaitingTooLongIs503(t *testing.T) {
	h, _ := serve(t, "runtime: {predict_concurrency: 1}"+bothModels, "PENSTOCK_RUNTIME_QUEUE_TIMEOUT=50ms")
	holder := h.hold()
	for _, way := range ways {
		if way.name == "stream" {
			continue // it has been told its place in line, and so has a status
		}
		h.refused(way.name, h.post(way.path, way.body), http.StatusServiceUnavailable, "queue_timeout")
	}
	events := h.open(http.MethodPost, "/v1/models/smollm2/stream", endless).rest()
	if len(events) != 2 || events[0].Type != "queued" || events[0].Data != `{"position":1}` || events[1].Type != "failed" || !strings.Contains(events[1].Data, `"queue_timeout"`) {
		t.Errorf("a stream that waited too long was told %v", events)
	}
	if held, line := h.metric(inUse), h.metric(waiting); held != 1 || line != 0 {
		t.Errorf("%v hold a permit and %v wait", held, line)
	}
	holder.leave()
	h.until(inUse, 0)
	h.goesOn()
}

// There is one place in line: each of these could not even come in, were the one before it still there.
func TestWhoLeavesTheQueueIsGoneFromItAtOnce(t *testing.T) {
	h, _ := serve(t, "runtime: {predict_concurrency: 1, queue: {limit: 1}}"+bothModels)
	holder := h.hold()
	for i, way := range ways {
		f := h.launch(way.path, way.body)
		h.until(waiting, 1)
		f.leave()
		h.until(waiting, 0)
		if i == 0 { // the only way that is no stream; what is counted has given its place back
			h.until(`penstock_http_requests_total{code="499",method="POST",route="/v1/models/{name}/predict"}`, 1)
		} else {
			h.until(`penstock_streams_total{model="smollm2",outcome="canceled"}`, float64(i))
		}
		if a := <-f.landed; a.status != 0 {
			t.Errorf("%s: who left was answered %d %s", way.name, a.status, a.body)
		}
	}
	h.until(`penstock_gate_rejected_total{gate="local",reason="canceled"}`, float64(len(ways)))
	if n := h.metric(inUse); n != 1 {
		t.Errorf("%v hold a permit", n)
	}
	holder.leave()
	h.until(inUse, 0)
	h.goesOn()
}

// Who waits is told his place, and told again when somebody before him has left.
func TestTheLineMovesUpWhenSomebodyLeaves(t *testing.T) {
	h, _ := serve(t, "runtime: {predict_concurrency: 1}"+bothModels)
	holder := h.hold()
	first := h.open(http.MethodPost, "/v1/models/smollm2/stream", endless)
	if ev := first.upTo("queued"); ev.Data != `{"position":1}` {
		t.Errorf("the first in line was told %s", ev.Data)
	}
	second := h.open(http.MethodPost, "/v1/models/smollm2/stream", `{"prompt":"Hello","max_tokens":2}`)
	if ev := second.upTo("queued"); ev.Data != `{"position":2}` {
		t.Errorf("the second in line was told %s", ev.Data)
	}
	first.leave()
	if ev := second.upTo("queued"); ev.Data != `{"position":1}` {
		t.Errorf("the second in line was told %s when the first had left", ev.Data)
	}
	holder.leave()
	if ev := second.upTo("done"); !strings.Contains(ev.Data, `"usage"`) {
		t.Errorf("done: %s", ev.Data)
	}
}
