// Package logtest holds what every implementation of stream.Logs must do: a new one passes Conform,
// as the one in memory does, alone and behind a store that fails (Faulty). It is for tests.
package logtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

// Conform tests logs made by make, each call of which gives empty Logs that hold at least a
// mebibyte in all.
func Conform(t *testing.T, make func(t *testing.T) stream.Logs) {
	for name, test := range map[string]func(*testing.T, stream.Logs){
		"readers get all, in order, from where they ask":  readersGetAll,
		"places outside the log":                          placesOutside,
		"a full log drops its oldest chunks":              fullLog,
		"a dropped log is gone":                           dropped,
		"many readers at their own pace":                  manyReaders,
		"a reader that has all so far waits for the rest": atTheEnd,
		"logs beside each other":                          besideEachOther,
		"an append may be repeated":                       repeated,
		"a log is opened by its id":                       opened,
		"its owner learns of readers and cancellation":    owned,
		"sealing twice does nothing":                      sealedTwice,
		"a call's context is not the log's":               contexts,
		"an append that leaves a gap fails":               gap,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func readersGetAll(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 10)
	seal(t, l)
	for after := range int64(11) {
		n, terminal, err := follow(t, l, "a", after)
		if err != nil || n != 10-after || !isEnd(terminal) {
			t.Errorf("after %d: %d chunks, %+v, %v", after, n, terminal, err)
		}
	}
	failed := create(t, logs, "b", 1<<20)
	fault := apierr.Error{Code: apierr.CodeUpstreamCut, Reason: "r", Message: "m", Param: "p", RetryAfter: time.Second}
	end := stream.Terminal{Outcome: stream.OutcomeFailed, Event: endEvent, Err: &fault, Prelude: []sse.Event{endEvent}}
	if err := failed.Seal(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	n, terminal, err := follow(t, failed, "b", 0)
	if n != 0 || err != nil || terminal.Err == nil || *terminal.Err != fault || len(terminal.Prelude) != len(end.Prelude) {
		t.Errorf("a failed stream without chunks: %d, %+v, %v", n, terminal, err)
	}
}

func placesOutside(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 3)
	for after, want := range map[int64]error{-1: stream.ErrGone, 4: stream.ErrGone, 1 << 40: stream.ErrGone} {
		if _, err := l.Follow(t.Context(), after, nil); !errors.Is(err, want) {
			t.Errorf("after %d of 3 so far: %v", after, err)
		}
	}
	seal(t, l)
	for after, want := range map[int64]error{4: stream.ErrEnded, 5: stream.ErrGone} {
		if _, err := l.Follow(t.Context(), after, nil); !errors.Is(err, want) {
			t.Errorf("after %d of 3 and the end: %v", after, err)
		}
	}
}

func fullLog(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 2000)
	news := make(chan struct{}, 1)
	slow, err := l.Follow(t.Context(), 0, news)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fill(t, l, "a", 1, 1000)
	if _, err := slow.Take(nil); !errors.Is(err, stream.ErrGone) {
		t.Errorf("the reader that never looked: %v", err)
	}
	if _, err := l.Follow(t.Context(), 0, news); !errors.Is(err, stream.ErrGone) {
		t.Errorf("from the start: %v", err)
	}
	seal(t, l)
	if n, _, err := follow(t, l, "a", 995); n != 5 || err != nil {
		t.Errorf("from near the end: %d chunks, %v", n, err)
	}
}

func dropped(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 3)
	news := make(chan struct{}, 1)
	r, err := l.Follow(t.Context(), 0, news)
	if err != nil {
		t.Fatal(err)
	}
	<-news
	drop(t, l)
	<-news // it is told
	if _, err := r.Take(nil); !errors.Is(err, stream.ErrGone) {
		t.Errorf("a reader: %v", err)
	}
	r.Close()
	if _, err := l.Follow(t.Context(), 0, news); !errors.Is(err, stream.ErrGone) {
		t.Errorf("a newcomer: %v", err)
	}
	fill(t, l, "a", 4, 5) // its producer need not know
	seal(t, l)
	drop(t, l)
}

func manyReaders(t *testing.T, logs stream.Logs) {
	const readers, chunks = 50, 500
	l := create(t, logs, "a", 1<<20)
	var all, attached sync.WaitGroup
	attached.Add(readers)
	for range readers {
		all.Go(func() {
			news := make(chan struct{}, 1)
			r, err := l.Follow(t.Context(), 0, news)
			attached.Done()
			if err != nil {
				t.Error(err)
				return
			}
			r.Close() // this one leaves, and comes back
			if n, _, err := follow(t, l, "a", 0); n != chunks || err != nil {
				t.Errorf("%d chunks, %v", n, err)
			}
		})
	}
	attached.Wait()
	fill(t, l, "a", 1, chunks)
	seal(t, l)
	all.Wait()
}

func atTheEnd(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 3)
	news := make(chan struct{}, 1)
	r, err := l.Follow(t.Context(), 3, news)
	if err != nil {
		t.Fatalf("after the last chunk so far: %v", err)
	}
	defer r.Close()
	if b, err := r.Take(nil); err != nil || len(b.Events) != 0 || b.Terminal != nil || b.First != 4 {
		t.Errorf("there is nothing to take yet: %+v, %v", b, err)
	}
	fill(t, l, "a", 4, 6)
	seal(t, l)
	if n, _, err := read(r, news, "a", 3); n != 3 || err != nil {
		t.Errorf("%d chunks, %v", n, err)
	}
}

func besideEachOther(t *testing.T, logs stream.Logs) {
	a, b := create(t, logs, "a", 1<<20), create(t, logs, "b", 1<<20)
	for n := int64(1); n < 100; n += 3 {
		fill(t, a, "a", n, n+2)
		fill(t, b, "b", n, n+2)
	}
	seal(t, a)
	fill(t, b, "b", 100, 102)
	seal(t, b)
	if n, terminal, err := follow(t, a, "a", 0); n != 99 || err != nil || !isEnd(terminal) {
		t.Errorf("one: %d chunks, %+v, %v", n, terminal, err)
	}
	if n, terminal, err := follow(t, b, "b", 0); n != 102 || err != nil || !isEnd(terminal) {
		t.Errorf("the other: %d chunks, %+v, %v", n, terminal, err)
	}
	drop(t, a)
	if n, _, err := follow(t, b, "b", 0); n != 102 || err != nil {
		t.Errorf("the other, after the one was dropped: %d chunks, %v", n, err)
	}
}

func repeated(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	for _, first := range []int64{1, 1, 3, 2, 4} { // as after calls whose outcome was unknown
		together := []sse.Event{chunk("a", first), chunk("a", first+1), chunk("a", first+2)}
		if err := l.Append(t.Context(), first, together); err != nil {
			t.Fatalf("Append %d: %v", first, err)
		}
	}
	seal(t, l)
	if n, terminal, err := follow(t, l, "a", 0); n != 6 || err != nil || !isEnd(terminal) {
		t.Errorf("%d chunks, %+v, %v", n, terminal, err)
	}
}

func opened(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 3)
	if _, err := logs.Create(t.Context(), "a", stream.LogConfig{Buffer: 1 << 20}, newOwner()); err == nil {
		t.Error("a second log has the same id")
	}
	view, err := logs.Open(t.Context(), "a")
	if err != nil || view.Info() != info {
		t.Fatalf("Open: %+v, %v", view, err)
	}
	fill(t, l, "a", 4, 5)
	seal(t, l)
	if n, terminal, err := follow(t, view, "a", 1); n != 4 || err != nil || !isEnd(terminal) {
		t.Errorf("%d chunks, %+v, %v", n, terminal, err)
	}
	if _, err := logs.Open(t.Context(), "b"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("another id: %v", err)
	}
	drop(t, l)
	if _, err := logs.Open(t.Context(), "a"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a dropped log: %v", err)
	}
}

func owned(t *testing.T, logs stream.Logs) {
	o := newOwner()
	l := createFor(t, logs, "a", 1<<20, o)
	view, err := logs.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	await := func(want int) {
		t.Helper()
		for l.Readers() != want {
			<-o.changed
		}
	}
	one, err := view.Follow(t.Context(), 0, make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	await(1)
	two, err := l.Follow(t.Context(), 0, make(chan struct{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	await(2)
	one.Close()
	one.Close() // closing twice counts once
	await(1)
	two.Close()
	await(0)
	if err := view.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-o.canceled; !errors.Is(err, stream.ErrNoReader) {
		t.Errorf("canceled with %v", err)
	}
}

func sealedTwice(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 2)
	seal(t, l)
	if err := l.Seal(t.Context(), stream.Terminal{Outcome: stream.OutcomeFailed, Err: &apierr.Error{}}); err != nil {
		t.Errorf("the second Seal: %v", err)
	}
	if n, terminal, err := follow(t, l, "a", 0); n != 2 || err != nil || !isEnd(terminal) {
		t.Errorf("%d chunks, %+v, %v", n, terminal, err)
	}
}

func contexts(t *testing.T, logs stream.Logs) {
	within := func(call func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := call(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var l stream.Log
	var view stream.View
	within(func(ctx context.Context) (err error) {
		l, err = logs.Create(ctx, "a", stream.LogConfig{Info: info, Buffer: 1 << 20, Lease: time.Hour}, newOwner())
		return err
	})
	t.Cleanup(func() { _ = l.Drop(context.WithoutCancel(t.Context())) })
	within(func(ctx context.Context) (err error) { view, err = logs.Open(ctx, "a"); return err })
	for n := range int64(3) {
		within(func(ctx context.Context) error { return l.Append(ctx, n+1, []sse.Event{chunk("a", n+1)}) })
	}
	within(l.Flush)
	within(func(ctx context.Context) error {
		return l.Seal(ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: endEvent})
	})
	if n, terminal, err := follow(t, view, "a", 0); n != 3 || err != nil || !isEnd(terminal) {
		t.Errorf("%d chunks, %+v, %v", n, terminal, err)
	}
	within(l.Drop)
}

func gap(t *testing.T, logs stream.Logs) {
	l := create(t, logs, "a", 1<<20)
	fill(t, l, "a", 1, 2)
	if err := l.Append(t.Context(), 4, []sse.Event{chunk("a", 4)}); err == nil {
		t.Error("event 4 was appended after event 2")
	}
	fill(t, l, "a", 3, 4)
	seal(t, l)
	if n, _, err := follow(t, l, "a", 0); n != 4 || err != nil {
		t.Errorf("%d chunks, %v", n, err)
	}
}
