package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/stream"
)

// ticker is a generator that says one number a second, up to n.
func ticker(e *engine.Engine, n int) *engine.Generation[string, string] {
	return writer(e, func(ctx context.Context, emit func(...string) error) (engine.End, error) {
		for i := range n {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return engine.End{}, ctx.Err()
			}
			if err := emit(fmt.Sprint(i+1, " ")); err != nil {
				return engine.End{}, err
			}
		}
		return engine.Stopped(engine.Usage{}), nil
	})
}

// readFrom reads at most n events from after a number on, and returns the text and the last number.
func readFrom(t *testing.T, s *stream.Stream, after int64, n int) (text string, last int64, err error) {
	t.Helper()
	var b strings.Builder
	last = after
	for ev, err := range follow(t.Context(), s, after, 0) {
		if err != nil {
			return b.String(), last, err
		}
		if ev.Seq == 0 {
			continue
		}
		if ev.Seq != last+1 {
			t.Errorf("event %d after %d", ev.Seq, last)
		}
		last = ev.Seq
		b.Write(ev.Data)
		if n--; n == 0 {
			break
		}
	}
	return b.String(), last, nil
}

func TestAReaderGoesOnWhereItWasCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		s, err := begin(t.Context(), ticker(e, 10), "", engine.StreamOptions{Lease: 7 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		var last int64
		for last < 11 {
			got, at, err := readFrom(t, s, last, 3)
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString(got)
			last = at
			time.Sleep(6 * time.Second) // virtual; the lease is longer
		}
		if text.String() != "1 2 3 4 5 6 7 8 9 10 " {
			t.Errorf("got %q", text.String())
		}
		if _, _, err := readFrom(t, s, 11, 1); !errors.Is(err, stream.ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
		if found, err := e.Streams().Open(t.Context(), s.ID()); err != nil || found != s {
			t.Errorf("it is still known: %v", err)
		}
		time.Sleep(8 * time.Second)
		if _, err := e.Streams().Open(t.Context(), s.ID()); code(err) != apierr.CodeNotFound {
			t.Errorf("after its lease: %v", err)
		}
		if _, _, err := readFrom(t, s, 0, 1); code(err) != apierr.CodeGone {
			t.Errorf("after its lease: %v", err)
		}
	})
}

func TestAGenerationEndsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		s, err := begin(t.Context(), ticker(e, 100), "", engine.StreamOptions{Lease: 7 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := readFrom(t, s, 0, 3); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if e.Snapshot().Gates[0].InUse != 1 {
			t.Error("cancelled before its lease was over")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if e.Snapshot().Gates[0].InUse != 0 {
			t.Error("it runs on without a reader")
		}
		if _, err := e.Streams().Open(t.Context(), s.ID()); code(err) != apierr.CodeNotFound {
			t.Errorf("a stream that no reader came back to: %v", err)
		}
	})
}

func TestADetachedStreamRunsForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		s, err := begin(t.Context(), ticker(e, 100), "", engine.StreamOptions{Lease: time.Minute, Detached: true})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(159 * time.Second) // 100 s of work, 59 of the window
		text, last, err := readFrom(t, s, 0, 0)
		if err != nil || last != 101 || !strings.HasSuffix(text, " 100 ") {
			t.Errorf("read at the end of its window: %d, %v", last, err)
		}
		time.Sleep(2 * time.Second)
		if _, err := e.Streams().Open(t.Context(), s.ID()); code(err) != apierr.CodeNotFound {
			t.Errorf("after its window: %v", err)
		}
	})
}

func TestManyReadersAtTheirOwnPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		s, err := begin(t.Context(), ticker(e, 20), "", engine.StreamOptions{Lease: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 30 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				if text, last, err := readFrom(t, s, 0, 0); err != nil || last != 21 || len(text) != 9*2+11*3 {
					t.Errorf("reader %d: %d, %v", i, last, err)
				}
			})
		}
		all.Wait()
	})
}

func TestCancellingAStreamThatOthersRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		s, err := begin(t.Context(), ticker(e, 20), "", engine.StreamOptions{Lease: time.Minute, Detached: true})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3500*time.Millisecond, func() { cancel(s) })
		got := read(t, s)
		if got.kinds != "scccf" || got.failed.Code != apierr.CodeCanceled {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNoMoreStreamsThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 10, Queue: 10}, Streams: stream.Options{Limit: 2}})
		g := ticker(e, 1)
		for range 2 {
			go read(t, start(t, g))
		}
		synctest.Wait()
		if _, err := begin(t.Context(), g, "", engine.StreamOptions{}); code(err) != apierr.CodeQueueFull {
			t.Errorf("a third: %v", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := read(t, start(t, g)); got.kinds != "scd" {
			t.Errorf("afterwards: %+v", got)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}
