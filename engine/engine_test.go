package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newEngine returns an engine that the test's end closes, after which every permit must be back.
func newEngine(t *testing.T, permits, queue int) *engine.Engine {
	t.Helper()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: permits, Queue: queue, Timeout: 30 * time.Second}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s := e.Snapshot()
		if g := s.Gates[0]; g.InUse != 0 || g.Waiting != 0 || g.Inside != 0 {
			t.Errorf("the gate is not empty at the end: %+v", g)
		}
		if s.Readers != 0 {
			t.Errorf("%d readers left", s.Readers)
		}
	})
	return e
}

type generate func(ctx context.Context, emit func(...string) error) (engine.End, error)

// writer adds the model "writer" with the verb "stream".
func writer(e *engine.Engine, g generate) *engine.Generation[string, string] {
	m := e.Add("writer", engine.Lifecycle{Kind: "test"})
	return engine.Generates(m, "stream", engine.Generator[string, string, string]{
		Preprocess: func(_ context.Context, in string) (string, error) { return in, nil },
		Generate: func(ctx context.Context, _ string, emit func(...string) error) (engine.End, error) {
			return g(ctx, emit)
		},
		Encode: func(s string) (sse.Event, error) { return sse.Event{Data: []byte(s)}, nil },
	})
}

func start(t *testing.T, g *engine.Generation[string, string]) *stream.Stream {
	t.Helper()
	s, err := begin(t.Context(), g, "", engine.StreamOptions{})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

// reading is what a reader got.
type reading struct {
	kinds  string // one letter an event: q s c i d f
	text   string
	queued []int
	done   testEnd
	failed *apierr.Error
	err    error
	last   int64
}

func read(t *testing.T, s *stream.Stream) reading { return readWith(t, t.Context(), s, 0) }

func readWith(t *testing.T, ctx context.Context, s *stream.Stream, idle time.Duration) (r reading) {
	t.Helper()
	var text strings.Builder
	for ev, err := range follow(ctx, s, 0, idle) {
		if err != nil {
			r.err = err
			break
		}
		switch ev.Kind {
		case eventQueued:
			r.kinds += "q"
			r.queued = append(r.queued, ev.Position)
		case eventStarted:
			r.kinds += "s"
		case eventIdle:
			r.kinds += "i"
		case eventChunk, eventDone, eventFailed:
			if ev.Seq != r.last+1 {
				t.Errorf("event %d after %d", ev.Seq, r.last)
			}
			r.last = ev.Seq
			text.Write(ev.Data)
			r.kinds += map[eventKind]string{eventChunk: "c", eventDone: "d", eventFailed: "f"}[ev.Kind]
			r.done, r.failed = ev.End, ev.Err
		}
	}
	r.text = text.String()
	return r
}

func code(err error) apierr.Code {
	if e, ok := errors.AsType[*apierr.Error](err); ok {
		return e.Code
	}
	return apierr.Code(fmt.Sprintf("not an *apierr.Error: %v", err))
}
