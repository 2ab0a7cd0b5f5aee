// Package logtest says what every engine.Log must do: a new one passes Conform, as the one in memory does. It is for tests.
package logtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"penstock/apierr"
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
		"who has had all so far waits for the rest":      atTheEnd,
		"logs beside each other":                         besideEachOther,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

// chunk is what stands at number n of the log of that name; every third has a name of its own.
func chunk(log string, n int64) engine.Encoded {
	c := engine.Encoded{Data: fmt.Appendf(nil, "chunk %d of %s", n, log)}
	if n%3 == 0 {
		c.Name = fmt.Sprint("name ", n)
	}
	return c
}

// fill appends chunks, one, two and three together by turns.
func fill(t *testing.T, l engine.Log, log string, from, to int64) {
	t.Helper()
	var together []engine.Encoded // used for all, as is their memory: a log keeps none of its caller's
	for n := from; n <= to; {
		for i := range min(1+n%3, to-n+1) {
			if int(i) == len(together) {
				together = append(together, engine.Encoded{})
			}
			c := chunk(log, n+i)
			together[i] = engine.Encoded{Name: c.Name, Data: append(together[i].Data[:0], c.Data...)}
		}
		k := min(1+n%3, to-n+1)
		if err := l.Append(together[:k]); err != nil {
			t.Fatalf("Append %d: %v", n, err)
		}
		for i := range together {
			clear(together[i].Data)
			together[i].Name = ""
		}
		n += k
	}
}

// follow reads until the terminal event and returns how many chunks came after `after`.
func follow(l engine.Log, log string, after int64) (n int64, terminal engine.Terminal, err error) {
	news := make(chan struct{}, 1)
	r, err := l.Follow(after, news)
	if err != nil {
		return 0, terminal, err
	}
	defer r.Close()
	return read(r, news, log, after)
}

func read(r engine.LogReader, news <-chan struct{}, log string, after int64) (n int64, terminal engine.Terminal, err error) {
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

func readersGetAll(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, "a", 1, 10)
	l.Seal(engine.Terminal{End: engine.LengthReached(engine.Usage{CompletionTokens: 10})})
	for after := range int64(11) {
		n, terminal, err := follow(l, "a", after)
		if err != nil || n != 10-after || terminal.End.Reason() != engine.ReasonLength || terminal.End.Usage().CompletionTokens != 10 {
			t.Errorf("after %d: %d chunks, %+v, %v", after, n, terminal, err)
		}
	}
	failed := logs.Create("b", 1<<20)
	fault := apierr.Error{Code: apierr.CodeUpstreamCut, Reason: "r", Message: "m", Param: "p", RetryAfter: time.Second}
	failed.Seal(engine.Terminal{Err: &fault})
	if n, terminal, err := follow(failed, "b", 0); n != 0 || err != nil || terminal.Err == nil || *terminal.Err != fault {
		t.Errorf("a failed stream without chunks: %d, %+v, %v", n, terminal, err)
	}
}

func placesOutside(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, "a", 1, 3)
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
	l := logs.Create("a", 2000)
	news := make(chan struct{}, 1)
	slow, err := l.Follow(0, news)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fill(t, l, "a", 1, 1000)
	if _, err := slow.Take(nil); !errors.Is(err, engine.ErrGone) {
		t.Errorf("the reader who never looked: %v", err)
	}
	if _, err := l.Follow(0, news); !errors.Is(err, engine.ErrGone) {
		t.Errorf("from the start: %v", err)
	}
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	if n, _, err := follow(l, "a", 995); n != 5 || err != nil {
		t.Errorf("from near the end: %d chunks, %v", n, err)
	}
}

func dropped(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, "a", 1, 3)
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
	fill(t, l, "a", 4, 5) // its producer need not know
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
			if n, _, err := follow(l, "a", 0); n != chunks || err != nil {
				t.Errorf("%d chunks, %v", n, err)
			}
		})
	}
	attached.Wait()
	fill(t, l, "a", 1, chunks)
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	all.Wait()
}

func atTheEnd(t *testing.T, logs engine.Logs) {
	l := logs.Create("a", 1<<20)
	fill(t, l, "a", 1, 3)
	news := make(chan struct{}, 1)
	r, err := l.Follow(3, news)
	if err != nil {
		t.Fatalf("after the last chunk so far: %v", err)
	}
	defer r.Close()
	if b, err := r.Take(nil); err != nil || len(b.Chunks) != 0 || b.Terminal != nil || b.First != 4 {
		t.Errorf("there is nothing to take yet: %+v, %v", b, err)
	}
	fill(t, l, "a", 4, 6)
	l.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	if n, _, err := read(r, news, "a", 3); n != 3 || err != nil {
		t.Errorf("%d chunks, %v", n, err)
	}
}

func besideEachOther(t *testing.T, logs engine.Logs) {
	a, b := logs.Create("a", 1<<20), logs.Create("b", 1<<20)
	for n := int64(1); n < 100; n += 3 {
		fill(t, a, "a", n, n+2)
		fill(t, b, "b", n, n+2)
	}
	a.Seal(engine.Terminal{End: engine.Stopped(engine.Usage{})})
	fill(t, b, "b", 100, 102)
	b.Seal(engine.Terminal{End: engine.LengthReached(engine.Usage{})})
	if n, terminal, err := follow(a, "a", 0); n != 99 || err != nil || terminal.End.Reason() != engine.ReasonStop {
		t.Errorf("one: %d chunks, %+v, %v", n, terminal, err)
	}
	if n, terminal, err := follow(b, "b", 0); n != 102 || err != nil || terminal.End.Reason() != engine.ReasonLength {
		t.Errorf("the other: %d chunks, %+v, %v", n, terminal, err)
	}
	a.Drop()
	if n, _, err := follow(b, "b", 0); n != 102 || err != nil {
		t.Errorf("the other, after the one was dropped: %d chunks, %v", n, err)
	}
}
