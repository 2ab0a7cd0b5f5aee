// Package logtest says what every engine.Log must do: a new one passes Conform, as the one in memory does. It is for tests.
package logtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"penstock/engine"
)

// Conform tests logs made by make, each call of which gives empty Logs that hold at least a mebibyte in all.
func Conform(t *testing.T, make func(t *testing.T) engine.Logs) {
	for name, test := range map[string]func(*testing.T, engine.Logs){
		"readers get all, in order, from where they ask": readersGetAll,
		"places outside the log":                         placesOutside,
		"a full log drops its oldest chunks":             fullLog,
		"a dropped log is gone":                          dropped,
		"many readers at their own pace":                 manyReaders,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func chunk(n int64) engine.Encoded { return engine.Encoded{Data: fmt.Appendf(nil, "chunk %d", n)} }

func fill(t *testing.T, l engine.Log, from, to int64) {
	t.Helper()
	var data []byte // used for all: a log keeps no memory of its caller's
	for n := from; n <= to; n++ {
		data = append(data[:0], chunk(n).Data...)
		if err := l.Append([]engine.Encoded{{Data: data}}); err != nil {
			t.Fatalf("Append %d: %v", n, err)
		}
	}
}

// follow reads until the terminal event and returns how many chunks came after `after`.
func follow(l engine.Log, after int64) (n int64, terminal engine.Terminal, err error) {
	news := make(chan struct{}, 1)
	r, err := l.Follow(after, news)
	if err != nil {
		return 0, terminal, err
	}
	defer r.Close()
	var spare []engine.Encoded
	for range news {
		b, err := r.Take(spare)
		if err != nil {
			return n, terminal, err
		}
		spare = b.Chunks
		if b.First != after+n+1 {
			return n, terminal, fmt.Errorf("a batch begins with %d after %d", b.First, after+n)
		}
		for _, c := range b.Chunks {
			n++
			if want := chunk(after + n); string(c.Data) != string(want.Data) {
				return n, terminal, fmt.Errorf("chunk %d is %q", after+n, c.Data)
			}
		}
		if b.Terminal != nil {
			return n, *b.Terminal, nil
		}
	}
	return n, terminal, nil
}

func readersGetAll(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, 1, 10)
	l.Seal(engine.Terminal{End: engine.LengthReached(engine.Usage{CompletionTokens: 10})})
	for after := range int64(11) {
		n, terminal, err := follow(l, after)
		if err != nil || n != 10-after || terminal.End.Reason() != engine.ReasonLength || terminal.End.Usage().CompletionTokens != 10 {
			t.Errorf("after %d: %d chunks, %+v, %v", after, n, terminal, err)
		}
	}
	failed := logs.Create("b", 1<<20)
	failed.Seal(engine.Terminal{Err: &engine.Error{Code: engine.CodeUpstreamCut}})
	if n, terminal, err := follow(failed, 0); n != 0 || err != nil || terminal.Err == nil || terminal.Err.Code != engine.CodeUpstreamCut {
		t.Errorf("a failed stream without chunks: %d, %+v, %v", n, terminal, err)
	}
}

func placesOutside(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, 1, 3)
	for after, want := range map[int64]error{-1: engine.ErrGone, 4: engine.ErrGone, 1 << 40: engine.ErrGone} {
		if _, err := l.Follow(after, nil); !errors.Is(err, want) {
			t.Errorf("after %d of 3 so far: %v", after, err)
		}
	}
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	for after, want := range map[int64]error{4: engine.ErrOver, 5: engine.ErrGone} {
		if _, err := l.Follow(after, nil); !errors.Is(err, want) {
			t.Errorf("after %d of 3 and the end: %v", after, err)
		}
	}
}

func fullLog(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 100)
	news := make(chan struct{}, 1)
	slow, err := l.Follow(0, news)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fill(t, l, 1, 1000)
	if _, err := slow.Take(nil); !errors.Is(err, engine.ErrGone) {
		t.Errorf("the reader who never looked: %v", err)
	}
	if _, err := l.Follow(0, news); !errors.Is(err, engine.ErrGone) {
		t.Errorf("from the start: %v", err)
	}
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	if n, _, err := follow(l, 995); n != 5 || err != nil {
		t.Errorf("from near the end: %d chunks, %v", n, err)
	}
}

func dropped(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, 1, 3)
	news := make(chan struct{}, 1)
	r, err := l.Follow(0, news)
	if err != nil {
		t.Fatal(err)
	}
	<-news
	l.Drop()
	<-news // it is told
	if _, err := r.Take(nil); !errors.Is(err, engine.ErrGone) {
		t.Errorf("a reader: %v", err)
	}
	r.Close()
	if _, err := l.Follow(0, news); !errors.Is(err, engine.ErrGone) {
		t.Errorf("a newcomer: %v", err)
	}
	fill(t, l, 4, 5) // its producer need not know
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	l.Drop()
}

func manyReaders(t *testing.T, logs engine.Logs) {
	const readers, chunks = 50, 500
	l := logs.Create("a", 1<<20)
	var all, attached sync.WaitGroup
	attached.Add(readers)
	for range readers {
		all.Go(func() {
			news := make(chan struct{}, 1)
			r, err := l.Follow(0, news)
			attached.Done()
			if err != nil {
				t.Error(err)
				return
			}
			r.Close() // this one leaves, and comes back
			if n, _, err := follow(l, 0); n != chunks || err != nil {
				t.Errorf("%d chunks, %v", n, err)
			}
		})
	}
	attached.Wait()
	fill(t, l, 1, chunks)
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	all.Wait()
}
