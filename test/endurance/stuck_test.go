package endurance

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"penstock/test/testmodel"
)

// large is more than the kernel's buffers of a connection hold, on both its sides.
var large = testmodel.Task{Words: 1600, Pad: 8 << 10}

// stuck requests a stream and reads nothing of it.
func (c client) stuck(method, path, body string, headers ...string) *http.Response {
	c.Helper()
	response, err := c.Send(c.Context(), method, path, body, headers...)
	if err != nil {
		c.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		c.Fatalf("status %d", response.StatusCode)
	}
	c.Cleanup(func() { response.Body.Close() })
	return response
}

const (
	droppedStuck = `penstock_stream_readers_dropped_total{reason="write_timeout"}`
	droppedSlow  = `penstock_stream_readers_dropped_total{reason="slow"}`
	chunks       = `penstock_stream_chunks_total{model="testmodel"}`
)

// A reader that stops reading delays neither the generation nor another reader, loses its
// connection after the write timeout, and receives the rest when it resumes.
func TestAStuckReaderOfAResumableStreamIsCut(t *testing.T) {
	c, s := start(t, testmodel.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond})
	path := c.create(large.JSON())
	stuck := c.stuck(http.MethodGet, path, "")
	fast := testmodel.Transcript{Task: large}
	c.resume(path, &fast)
	c.checkComplete(fast, "done")
	c.WaitFor("the permit is released", func() bool { return s.Gate().InUse == 0 })
	c.WaitFor("the stuck reader is cut", func() bool { return c.Metric(droppedStuck) != 0 })
	if n := s.Readers(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
	slow := testmodel.Transcript{Task: large}
	if err := c.read(stuck.Body, &slow); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the bytes left in the buffers ended with %v, as a complete stream does", err)
	}
	if slow.End != "" || slow.Words == 0 {
		t.Errorf("received %d words before the cut, and the end %q", slow.Words, slow.End)
	}
	c.resume(path, &slow)
	c.checkComplete(slow, "done")
}

// resume reads a stream to its clean end. If the machine is so busy that this reader passes for
// stuck, it resumes again.
func (c client) resume(path string, transcript *testmodel.Transcript) {
	c.Helper()
	for err := c.follow(path, transcript); !errors.Is(err, io.EOF); err = c.follow(path, transcript) {
		if c.Context().Err() != nil {
			c.Fatal(err)
		}
	}
}

// A stream that ends with its reader is ended by a stuck one too, in either of two ways: a write
// takes too long, or too much is buffered for the reader.
func TestAStuckReaderOfAPlainStreamIsCut(t *testing.T) {
	endless := large
	endless.End = "hold"
	for name, test := range map[string]struct {
		options testmodel.Options
		reason  string // the metric that must count it; "": either
	}{
		"the write timeout": {testmodel.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond}, droppedStuck},
		"the buffer":        {testmodel.Options{Permits: 1, Buffer: 1 << 20, WriteTimeout: 300 * time.Millisecond}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := start(t, test.options)
			response := c.stuck(http.MethodPost, "/v1/models/testmodel/stream", endless.JSON(), "Content-Type", "application/json")
			c.WaitFor("the permit is released", func() bool { return s.Gate().Inside == 0 })
			c.WaitFor("the stuck reader is cut", func() bool { return c.Metric(droppedStuck)+c.Metric(droppedSlow) != 0 })
			if n := s.Readers(); n != 0 {
				t.Errorf("%d readers are left", n)
			}
			if test.reason != "" && c.Metric(test.reason) != 1 {
				t.Errorf("dropped for the wrong reason: %v after the write timeout, %v as slow", c.Metric(droppedStuck), c.Metric(droppedSlow))
			}
			transcript := testmodel.Transcript{Task: endless}
			if err := c.read(response.Body, &transcript); err == nil || errors.Is(err, io.EOF) || transcript.End != "" {
				t.Errorf("the bytes left in the buffers ended with %v and %q", err, transcript.End)
			}
			// The next request gets the permit.
			next := testmodel.Transcript{Task: testmodel.Task{Words: 3}}
			if err := c.follow("/v1/models/testmodel/stream?"+next.Task.Query(), &next); !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			c.checkComplete(next, "done")
		})
	}
}

// A client sends a request and never reads a byte; its receive buffer is as small as possible.
func TestAClientThatReadsNothingIsCut(t *testing.T) {
	c, s := start(t, testmodel.Options{Permits: 1, Buffer: 64 << 20, WriteTimeout: 300 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/models/testmodel/stream?%s HTTP/1.1\r\nHost: localhost\r\n\r\n", large.Query())
	c.WaitFor("the generation has begun", func() bool { return c.Metric(chunks) != 0 })
	c.WaitFor("the stuck reader is cut", func() bool { return c.Metric(droppedStuck) == 1 })
	if n := s.Readers(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
}
