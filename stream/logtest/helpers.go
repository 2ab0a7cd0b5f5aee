package logtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"penstock/sse"
	"penstock/stream"
)

// chunk is what stands at number n of the log of that name; every third has a name of its own.
func chunk(log string, n int64) sse.Event {
	c := sse.Event{Data: fmt.Appendf(nil, "chunk %d of %s", n, log)}
	if n%3 == 0 {
		c.Name = sse.MustName(fmt.Sprint("name ", n))
	}
	return c
}

// endEvent is the terminal event of the suite's logs.
var endEvent = sse.Event{Name: sse.MustName("the end"), Data: []byte("of it")}

func isEnd(t stream.Terminal) bool {
	return t.Outcome == stream.OutcomeDone && t.Event.Name == endEvent.Name && string(t.Event.Data) == string(endEvent.Data) && t.Err == nil
}

// owner is notified of what happens to a log.
type owner struct {
	changed  chan struct{} // cap 1
	canceled chan error    // cap 1
}

func newOwner() *owner { return &owner{make(chan struct{}, 1), make(chan error, 1)} }

// ReadersChanged implements stream.Owner.
func (o *owner) ReadersChanged() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// Cancel implements stream.Owner.
func (o *owner) Cancel(cause error) {
	select {
	case o.canceled <- cause:
	default:
	}
}

var info = stream.Info{Model: "m", Verb: "v", Dialect: "d"}

func create(t *testing.T, logs stream.Logs, id string, buffer int) stream.Log {
	t.Helper()
	return createFor(t, logs, id, buffer, newOwner())
}

func createFor(t *testing.T, logs stream.Logs, id string, buffer int, o stream.Owner) stream.Log {
	t.Helper()
	l, err := logs.Create(t.Context(), id, stream.LogConfig{Info: info, Buffer: buffer, Lease: time.Hour}, o)
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	t.Cleanup(func() { _ = l.Drop(context.WithoutCancel(t.Context())) }) // some have been dropped
	return l
}

func seal(t *testing.T, l stream.Log) {
	t.Helper()
	if err := l.Seal(t.Context(), stream.Terminal{Outcome: stream.OutcomeDone, Event: endEvent}); err != nil {
		t.Fatalf("Seal: %v", err)
	}
}

func drop(t *testing.T, l stream.Log) {
	t.Helper()
	if err := l.Drop(t.Context()); err != nil {
		t.Fatalf("Drop: %v", err)
	}
}

// fill appends chunks, one, two and three together by turns, and waits until they are stored.
func fill(t *testing.T, l stream.Log, log string, from, to int64) {
	t.Helper()
	var together []sse.Event // used for all, as is their memory: a log keeps none of its caller's
	for n := from; n <= to; {
		for i := range min(1+n%3, to-n+1) {
			if int(i) == len(together) {
				together = append(together, sse.Event{})
			}
			c := chunk(log, n+i)
			together[i] = sse.Event{Name: c.Name, Data: append(together[i].Data[:0], c.Data...)}
		}
		k := min(1+n%3, to-n+1)
		if err := l.Append(t.Context(), n, together[:k]); err != nil {
			t.Fatalf("Append %d: %v", n, err)
		}
		for i := range together {
			clear(together[i].Data)
			together[i].Name = sse.Name{}
		}
		n += k
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

// follow reads until the terminal event and returns how many chunks came after `after`.
func follow(t *testing.T, l stream.View, log string, after int64) (n int64, terminal stream.Terminal, err error) {
	news := make(chan struct{}, 1)
	r, err := l.Follow(t.Context(), after, news)
	if err != nil {
		return 0, terminal, err
	}
	defer r.Close()
	return read(r, news, log, after)
}

func read(r stream.Cursor, news <-chan struct{}, log string, after int64) (n int64, terminal stream.Terminal, err error) {
	var spare []sse.Event
	for range news {
		b, err := r.Take(spare)
		if err != nil {
			return n, terminal, err
		}
		spare = b.Events
		if b.First != after+n+1 {
			return n, terminal, fmt.Errorf("a batch begins with %d after %d", b.First, after+n)
		}
		for _, c := range b.Events {
			n++
			if want := chunk(log, after+n); string(c.Data) != string(want.Data) || c.Name != want.Name {
				return n, terminal, fmt.Errorf("chunk %d is %q, called %q", after+n, c.Data, c.Name)
			}
		}
		if b.Terminal != nil {
			return n, *b.Terminal, nil
		}
	}
	return n, terminal, nil
}
