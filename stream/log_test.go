package stream_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"penstock/sse"
	"penstock/stream"
	"penstock/stream/logtest"
)

// testLog is a log with its next number, and without contexts.
type testLog struct {
	stream.Log
	next int64
}

type noOwner struct{}

func (noOwner) ReadersChanged() {}
func (noOwner) Cancel(error)    {}

func newLog(t testing.TB, logs stream.Logs, id string, buffer int) *testLog {
	t.Helper()
	l, err := logs.Create(t.Context(), id, stream.LogConfig{Buffer: buffer}, noOwner{})
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{l, 1}
}

func (l *testLog) add(t testing.TB, events []sse.Event) {
	t.Helper()
	if err := l.Append(t.Context(), l.next, events); err != nil {
		t.Fatal(err)
	}
	l.next += int64(len(events))
}

func (l *testLog) seal(t testing.TB) {
	t.Helper()
	if err := l.Seal(t.Context(), stream.Terminal{Outcome: stream.OutcomeDone}); err != nil {
		t.Fatal(err)
	}
}

func TestTheLogInMemoryConforms(t *testing.T) {
	logtest.Conform(t, func(*testing.T) stream.Logs { return stream.NewMemoryLogs(1<<20, nil) })
}

// Sealed logs lose their events first, the one sealed first first of all; then the running log that
// has held events longest loses its oldest ones.
func TestLogsShareABound(t *testing.T) {
	logs := stream.NewMemoryLogs(1000, nil)
	kb := []sse.Event{{Data: []byte(strings.Repeat("x", 100-stream.EventCost))}}
	fill := func(l *testLog, n int) {
		for range n {
			l.add(t, kb)
		}
	}
	holds := func(l *testLog, after int64) bool {
		_, err := l.Follow(t.Context(), after, nil)
		return !errors.Is(err, stream.ErrGone)
	}
	first, second, running, last := newLog(t, logs, "1", 1000), newLog(t, logs, "2", 1000), newLog(t, logs, "3", 1000), newLog(t, logs, "4", 1000)
	fill(first, 3)
	fill(second, 3)
	fill(running, 4)
	second.seal(t)
	first.seal(t)
	fill(last, 3)
	if holds(second, 0) || !holds(first, 0) || !holds(running, 0) {
		t.Errorf("the log sealed first goes first: %v %v %v", holds(second, 0), holds(first, 0), holds(running, 0))
	}
	fill(last, 1)
	if holds(first, 0) || !holds(running, 0) {
		t.Error("then the other sealed one, whole")
	}
	fill(last, 3) // 4 + 7 chunks, one too many
	if holds(running, 0) || !holds(running, 1) || !holds(last, 0) {
		t.Error("then the oldest chunk of the eldest running one")
	}
	fill(last, 9)
	if !holds(running, 4) || holds(running, 3) || holds(last, 5) || !holds(last, 6) {
		t.Error("a running log alone keeps what fits")
	}
}

// A late reader takes a long log in pieces: the slice it gets is its own, and takes memory.
func TestALongLogIsTakenInPieces(t *testing.T) {
	const chunks = 100_000
	l := newLog(t, stream.NewMemoryLogs(1<<30, nil), "1", 1<<30)
	for range chunks {
		l.add(t, []sse.Event{{Data: []byte("x")}})
	}
	l.seal(t)
	news := make(chan struct{}, 1)
	r, err := l.Follow(t.Context(), 0, news)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for got, most := 0, 0; ; {
		<-news
		b, err := r.Take(nil)
		if err != nil || b.First != int64(got)+1 {
			t.Fatalf("from %d after %d: %v", b.First, got, err)
		}
		got, most = got+len(b.Events), max(most, len(b.Events))
		if b.Terminal == nil {
			continue
		}
		if got != chunks || most > 1000 {
			t.Errorf("%d chunks, %d of them at once", got, most)
		}
		return
	}
}

// Only events make room. A reader that has had them still gets the terminal event, and one that has
// had that too learns that the stream has ended.
func TestALogThatMadeRoomStillKnowsItsEnd(t *testing.T) {
	logs := stream.NewMemoryLogs(1000, nil)
	kb := []sse.Event{{Data: make([]byte, 500)}}
	one, other := newLog(t, logs, "1", 1000), newLog(t, logs, "2", 1000)
	one.add(t, kb)
	one.seal(t)
	other.add(t, kb)
	if _, err := one.Follow(t.Context(), 0, nil); !errors.Is(err, stream.ErrGone) {
		t.Errorf("from the start: %v", err)
	}
	if _, err := one.Follow(t.Context(), 2, nil); !errors.Is(err, stream.ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
	r, err := one.Follow(t.Context(), 1, nil)
	if err != nil {
		t.Fatalf("after the last chunk: %v", err)
	}
	if b, err := r.Take(nil); err != nil || b.First != 2 || b.Terminal == nil {
		t.Errorf("%+v, %v", b, err)
	}
	r.Close()
	if err := one.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Follow(t.Context(), 2, nil); !errors.Is(err, stream.ErrGone) {
		t.Errorf("once it is dropped: %v", err)
	}
}

// Logs without events, as those of streams that wait for their first token, cost a busy log
// nothing.
func BenchmarkAFullLogAmongEmptyOnes(b *testing.B) {
	for _, empty := range []int{0, 10_000} {
		b.Run(strconv.Itoa(empty), func(b *testing.B) {
			logs := stream.NewMemoryLogs(1<<20, nil)
			for i := range empty {
				newLog(b, logs, strconv.Itoa(i), 1<<20)
			}
			l := newLog(b, logs, "busy", 1<<21)
			for b.Loop() {
				l.add(b, []sse.Event{{Data: []byte("token")}})
			}
		})
	}
}
