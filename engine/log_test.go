package engine_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"penstock/engine"
	"penstock/engine/logtest"
)

func TestTheLogInMemoryConforms(t *testing.T) {
	logtest.Conform(t, func(*testing.T) engine.Logs { return engine.NewMemoryLogs(1 << 20) })
}

// Finished logs go first, the one sealed longest ago first of all; then the oldest chunks of the running log that has had
// some longest.
func TestLogsShareABound(t *testing.T) {
	logs := engine.NewMemoryLogs(1000)
	kb := []engine.Encoded{{Data: []byte(strings.Repeat("x", 100-engine.ChunkCost))}}
	fill := func(l engine.Log, n int) {
		for range n {
			if err := l.Append(kb); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds := func(l engine.Log, after int64) bool {
		_, err := l.Follow(after, nil)
		return !errors.Is(err, engine.ErrGone)
	}
	first, second, running, last := logs.Create("1", 1000), logs.Create("2", 1000), logs.Create("3", 1000), logs.Create("4", 1000)
	fill(first, 3)
	fill(second, 3)
	fill(running, 4)
	second.Seal(engine.Terminal{})
	first.Seal(engine.Terminal{})
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

// Whoever comes late to a long log takes it in pieces: the slice it gets is its own, while the log is everybody's.
func TestALongLogIsTakenInPieces(t *testing.T) {
	const chunks = 100_000
	l := engine.NewMemoryLogs(1<<30).Create("1", 1<<30)
	for range chunks {
		if err := l.Append([]engine.Encoded{{Data: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	news := make(chan struct{}, 1)
	r, err := l.Follow(0, news)
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
		got, most = got+len(b.Chunks), max(most, len(b.Chunks))
		if b.Terminal == nil {
			continue
		}
		if got != chunks || most > 1000 {
			t.Errorf("%d chunks, %d of them at once", got, most)
		}
		return
	}
}

// What goes for want of room is a log's chunks. Who has had them is told of the end all the same, and who has had that too
// that nothing is left.
func TestALogThatMadeRoomStillKnowsItsEnd(t *testing.T) {
	logs := engine.NewMemoryLogs(1000)
	kb := []engine.Encoded{{Data: make([]byte, 500)}}
	one, other := logs.Create("1", 1000), logs.Create("2", 1000)
	if err := one.Append(kb); err != nil {
		t.Fatal(err)
	}
	one.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	if err := other.Append(kb); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Follow(0, nil); !errors.Is(err, engine.ErrGone) {
		t.Errorf("from the start: %v", err)
	}
	if _, err := one.Follow(2, nil); !errors.Is(err, engine.ErrOver) {
		t.Errorf("after the end: %v", err)
	}
	r, err := one.Follow(1, nil)
	if err != nil {
		t.Fatalf("after the last chunk: %v", err)
	}
	if b, err := r.Take(nil); err != nil || b.First != 2 || b.Terminal == nil {
		t.Errorf("%+v, %v", b, err)
	}
	r.Close()
	one.Drop()
	if _, err := one.Follow(2, nil); !errors.Is(err, engine.ErrGone) {
		t.Errorf("once it is dropped: %v", err)
	}
}

// Logs in which nothing is kept, as of streams that wait for their first token, cost a busy one nothing.
func BenchmarkAFullLogAmongEmptyOnes(b *testing.B) {
	for _, empty := range []int{0, 10_000} {
		b.Run(strconv.Itoa(empty), func(b *testing.B) {
			logs := engine.NewMemoryLogs(1 << 20)
			for range empty {
				logs.Create("", 1<<20)
			}
			l := logs.Create("", 1<<21)
			for b.Loop() {
				_ = l.Append([]engine.Encoded{{Data: []byte("token")}})
			}
		})
	}
}
