package endurance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"penstock/internal/teller"
)

// much is more than the kernel's buffers of a connection swallow, on both its sides.
var much = teller.Task{Words: 1600, Pad: 8 << 10}

// stuck opens a stream and reads nothing of it.
func (h *house) stuck(method, path, body string, headers ...string) *http.Response {
	h.Helper()
	response, err := h.ask(method, path, body, headers...)
	if err != nil {
		h.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		h.Fatalf("status %d", response.StatusCode)
	}
	h.Cleanup(func() { response.Body.Close() })
	return response
}

const (
	droppedStuck = `penstock_stream_readers_dropped_total{reason="write_timeout"}`
	droppedSlow  = `penstock_stream_readers_dropped_total{reason="slow"}`
)

// A reader that stops reading holds up neither the generation nor another reader, loses its connection after the write
// timeout, and gets the rest when it comes back.
func TestAStuckReaderOfAStreamThatCanBeResumed(t *testing.T) {
	h := start(t, teller.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond})
	path := h.create(much.JSON())
	slow := h.stuck(http.MethodGet, path, "")
	brisk := teller.Told{Task: much}
	h.resume(path, &brisk)
	h.whole(brisk, "done")
	h.until("the permit is back", func() bool { return h.engine.Snapshot().Gates[0].InUse == 0 })
	h.until("the stuck reader is cut", func() bool { n := h.metric(droppedStuck); return n != "" && n != "0" })
	if n := h.engine.Snapshot().Readers; n != 0 {
		t.Errorf("%d readers are there still", n)
	}
	told := teller.Told{Task: much}
	if err := h.hear(slow, &told); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("what was left in the buffers ended with %v, as if it were whole", err)
	}
	if told.End != "" || told.Words == 0 {
		t.Errorf("%d words came before the cut, and the end %q", told.Words, told.End)
	}
	h.resume(path, &told)
	h.whole(told, "done")
}

// resume reads a stream to its clean end. Where the machine is so busy that this reader passes for stuck, it comes back.
func (h *house) resume(path string, told *teller.Told) {
	h.Helper()
	for err := h.follow(path, told); !errors.Is(err, io.EOF); err = h.follow(path, told) {
		if h.ctx.Err() != nil {
			h.Fatal(err)
		}
	}
}

// With a stream that ends with its reader, being stuck ends the generation too, in either of two ways: a write takes too
// long, or too much has been kept for the reader.
func TestAStuckReaderOfAPlainStream(t *testing.T) {
	endless := much
	endless.End = "hold"
	for name, c := range map[string]struct {
		o    teller.Options
		task teller.Task
		why  string
	}{
		"the write timeout": {teller.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond}, endless, droppedStuck},
		"the buffer":        {teller.Options{Permits: 1, Buffer: 1 << 20, WriteTimeout: 300 * time.Millisecond}, endless, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, c.o)
			response := h.stuck(http.MethodPost, "/v1/models/teller/stream", c.task.JSON(), "Content-Type", "application/json")
			h.until("the permit is back", func() bool { return h.engine.Snapshot().Gates[0].Inside == 0 })
			h.until("the stuck reader is cut", func() bool { return h.metric(droppedStuck)+h.metric(droppedSlow) != "" })
			if n := h.engine.Snapshot().Readers; n != 0 {
				t.Errorf("%d readers are there still", n)
			}
			if c.why != "" && h.metric(c.why) != "1" {
				t.Errorf("not dropped for the reason it should: %s %s", h.metric(droppedStuck), h.metric(droppedSlow))
			}
			told := teller.Told{Task: c.task}
			if err := h.hear(response, &told); err == nil || errors.Is(err, io.EOF) || told.End != "" {
				t.Errorf("what was left in the buffers ended with %v and %q", err, told.End)
			}
			// The permit is there for the next one.
			next := teller.Told{Task: teller.Task{Words: 3}}
			answer, err := h.ask(http.MethodGet, "/v1/models/teller/stream?"+next.Task.Query(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if err := h.hear(answer, &next); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			h.whole(next, "done")
		})
	}
}

// A client that sends a request and never reads a byte, its receive buffer as small as can be.
func TestAClientThatReadsNothingAtAll(t *testing.T) {
	h := start(t, teller.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond})
	c, err := net.Dial("tcp", h.url[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /v1/models/teller/stream?%s HTTP/1.1\r\nHost: localhost\r\n\r\n", much.Query())
	h.until("the generation has begun", func() bool { return h.metric(`penstock_stream_chunks_total{model="teller"}`) != "0" })
	h.until("the stuck reader is cut", func() bool { return h.metric(droppedStuck) == "1" })
	if n := h.engine.Snapshot().Readers; n != 0 {
		t.Errorf("%d readers are there still", n)
	}
}
