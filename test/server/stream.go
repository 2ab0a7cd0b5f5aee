package server

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"testing"

	"github.com/tmaxmax/go-sse"
)

// Stream is an event stream that is being read, by a parser that is not Penstock's own.
type Stream struct {
	Header http.Header
	Close  context.CancelFunc // closes the connection, as a client that disconnects

	t    testing.TB
	pull func() (sse.Event, error, bool)
}

// Open requests an event stream, as JSON, and returns once the response's header is there. A status
// other than 200 fails the test.
func (c *Client) Open(method, path, body string) *Stream {
	c.Helper()
	ctx, cancel := context.WithCancel(c.ctx)
	response, err := c.Send(ctx, method, path, body, "Content-Type", "application/json", "Accept", "text/event-stream")
	if err != nil {
		cancel()
		c.Fatal(err)
	}
	pull, stop := iter.Pull2(iter.Seq2[sse.Event, error](sse.Read(response.Body, nil)))
	c.Cleanup(func() { cancel(); stop(); response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(response.Body)
		c.Fatalf("%s %s: status %d, %s", method, path, response.StatusCode, b)
	}
	return &Stream{Header: response.Header, Close: cancel, t: c.TB, pull: pull}
}

// Next reads the next event that a browser would dispatch: one without data, such as the event that
// opens a stream with its id, is left out. The error is io.EOF if the stream has ended cleanly.
func (s *Stream) Next() (sse.Event, error) {
	for {
		ev, err, ok := s.pull()
		if !ok {
			return ev, io.EOF
		}
		if err != nil || ev.Data != "" {
			return ev, err
		}
	}
}

// Rest reads all events to the stream's clean end.
func (s *Stream) Rest() (all []sse.Event) {
	s.t.Helper()
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			s.t.Fatalf("after %d events: %v", len(all), err)
		}
		all = append(all, ev)
	}
}

// Until reads events up to one of that name ("" for a chunk), which it returns.
func (s *Stream) Until(name string) sse.Event {
	s.t.Helper()
	for {
		ev, err := s.Next()
		if err != nil {
			s.t.Fatalf("no event %q: %v", name, err)
		}
		if ev.Type == name {
			return ev
		}
	}
}
