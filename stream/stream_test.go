package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generators are Streams with producers that a test waits for.
type generators struct {
	*stream.Streams
	all     sync.WaitGroup
	running atomic.Int32
}

// newGenerators returns generators that the test's end closes, after which no reader may be left.
func newGenerators(t *testing.T, o stream.Options) *generators {
	t.Helper()
	g := &generators{Streams: stream.New(o)}
	t.Cleanup(func() {
		g.Cancel(&apierr.Error{Code: apierr.CodeDraining})
		g.all.Wait()
		g.Close()
		if n := g.Readers(); n != 0 {
			t.Errorf("%d readers left", n)
		}
	})
	return g
}

type generate func(ctx context.Context, emit func(...string) error) error

// create starts a stream that generate writes.
func (g *generators) create(ctx context.Context, c stream.Config, generate generate) (*stream.Stream, error) {
	ctx, p, err := g.Create(ctx, c)
	if err != nil {
		return nil, err
	}
	g.running.Add(1)
	g.all.Go(func() {
		p.Running()
		err := generate(ctx, func(chunks ...string) error {
			var events []sse.Event
			for _, c := range chunks {
				events = append(events, sse.Event{Data: []byte(c)})
			}
			return p.Append(ctx, events)
		})
		g.running.Add(-1)
		p.End(ctx, terminal(ctx, err))
	})
	return p.Stream(), nil
}

// terminal is the end of a generation that returned err.
func terminal(ctx context.Context, err error) stream.Terminal {
	if err == nil {
		return stream.Terminal{Outcome: stream.OutcomeDone, Event: sse.Event{Name: sse.MustName("done")}}
	}
	failure := apierr.From(err)
	if ctx.Err() != nil {
		failure = &apierr.Error{Code: apierr.CodeCanceled, Cause: context.Cause(ctx)}
		if e, ok := errors.AsType[*apierr.Error](context.Cause(ctx)); ok {
			failure = e
		}
	}
	t := stream.Terminal{Outcome: stream.OutcomeFailed, Err: failure, Event: sse.Event{Name: sse.MustName("failed")}}
	if failure.Code == apierr.CodeCanceled {
		t.Outcome = stream.OutcomeCanceled
	}
	return t
}

func (g *generators) start(t *testing.T, c stream.Config, generate generate) *stream.Stream {
	t.Helper()
	s, err := g.create(t.Context(), c, generate)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return s
}

// ticker is a generation of one number a second, up to n.
func ticker(n int) generate {
	return func(ctx context.Context, emit func(...string) error) error {
		for i := range n {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := emit(fmt.Sprint(i+1, " ")); err != nil {
				return err
			}
		}
		return nil
	}
}

// reading is what a reader got. It is a Sink that takes everything in its reader's goroutine.
type reading struct {
	t      *testing.T
	kinds  string // one letter an event
	text   string
	last   int64 // number
	most   int   // events that it takes; 0: all
	failed *apierr.Error
	err    error
}

// Ready implements stream.Sink.
func (*reading) Ready(int) bool { return false }

// Notice implements stream.Sink.
func (r *reading) Notice(n stream.Notice, _ bool) bool {
	r.kinds += noticeLetters[n.Kind]
	return true
}

var noticeLetters = map[stream.NoticeKind]string{stream.Queued: "q", stream.Started: "s", stream.Idle: "i"}

// Events implements stream.Sink.
func (r *reading) Events(events []sse.Event, first int64, _ bool) bool {
	for i, e := range events {
		if !r.take("c", first+int64(i)) {
			return false
		}
		r.text += string(e.Data)
		if r.most--; r.most == 0 {
			return false
		}
	}
	return true
}

// End implements stream.Sink.
func (r *reading) End(t stream.Terminal, number int64) bool {
	if name := t.Event.Name.String(); (name == "done") != (t.Outcome == stream.OutcomeDone) || (t.Err == nil) != (name == "done") {
		r.t.Errorf("terminal event %+v", t)
	}
	r.failed = t.Err
	return r.take(map[bool]string{true: "d", false: "f"}[t.Err == nil], number)
}

func (r *reading) take(kind string, number int64) bool {
	if number != r.last+1 {
		r.t.Errorf("event %d after %d", number, r.last)
	}
	r.kinds, r.last = r.kinds+kind, number
	return true
}

// readFrom reads at most n events (0: all) from after a number on.
func readFrom(t *testing.T, s *stream.Stream, after int64, n int) *reading {
	t.Helper()
	r := &reading{t: t, last: after, most: n}
	r.err = s.Serve(t.Context(), after, 0, r)
	return r
}

func read(t *testing.T, s *stream.Stream) *reading {
	t.Helper()
	return readFrom(t, s, 0, 0)
}

func code(err error) apierr.Code {
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		return e.Code
	}
	return apierr.Code(fmt.Sprintf("not an *apierr.Error: %v", err))
}
