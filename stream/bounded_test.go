package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"penstock/sse"
	"penstock/stream"
	"penstock/stream/logtest"
)

// A store that does not answer holds no caller up for longer than patience, and what was begun
// before goes on once it answers again.
func TestASilentStoreHoldsCallersUpForNoLongerThanPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil), Silent: true}
		logs := stream.Buffered(store, stream.Patience)
		create := func(id string) (stream.Log, error) {
			return logs.Create(t.Context(), id, stream.LogConfig{Buffer: 1 << 20}, noOwner{})
		}
		l, err := create("a")
		if err != nil {
			t.Fatal(err)
		}
		view, err := logs.Open(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		news := make(chan struct{}, 1)
		cursor, err := view.Follow(t.Context(), 0, news)
		if err != nil {
			t.Fatal(err)
		}
		defer cursor.Close()
		store.GoAway()
		for name, call := range map[string]func() error{
			"Create":          func() error { _, err := create("b"); return err },
			"Open":            func() error { _, err := logs.Open(t.Context(), "a"); return err },
			"Follow":          func() error { _, err := view.Follow(t.Context(), 0, news); return err },
			"Follow by owner": func() error { _, err := l.Follow(t.Context(), 0, news); return err },
			"Cancel":          func() error { return view.Cancel(t.Context()) },
			"Cancel by owner": func() error { return l.Cancel(t.Context()) },
		} {
			began := time.Now()
			if err := call(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != stream.Patience {
				t.Errorf("%s took %v", name, took)
			}
		}
		store.ComeBack()
		if err := l.Append(t.Context(), 1, []sse.Event{{Data: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b, err := cursor.Take(nil); err != nil || len(b.Events) != 1 {
			t.Errorf("a reader from before: %+v, %v", b, err)
		}
		store.GoAway()
		began := time.Now()
		if err := l.Drop(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > stream.Patience {
			t.Errorf("Drop took %v: %v", time.Since(began), err)
		}
	})
}
