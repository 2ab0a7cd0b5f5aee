package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/stream"
)

// newSharedEngine returns an engine whose gate callers share.
func newSharedEngine(t *testing.T, permits, queue int) *engine.Engine {
	t.Helper()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: permits, Queue: queue, PerCaller: 50}})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e
}

func TestACallerWithItsShareIsToldSo(t *testing.T) {
	e := newSharedEngine(t, 1, 19)
	g := writer(e, func(context.Context, func(...string) error) (engine.End, error) {
		return engine.Stopped(engine.Usage{}), nil
	})
	for range 18 {
		call, err := g.Admit(engine.Caller{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		defer call.Close()
	}
	for name, err := range map[string]error{
		"Admit": func() error { _, err := g.Admit(engine.Caller{Name: "a"}); return err }(),
		"Check": g.Check(engine.Caller{Name: "a"}),
	} {
		failure, ok := errors.AsType[*apierr.Error](err)
		if !ok || failure.Code != apierr.CodeQueueFull || failure.Reason != "caller_share" || failure.RetryAfter == 0 {
			t.Errorf("%s: %v", name, err)
		}
		// 18 of 20 are held: it is the last tenth that is refused, not the share of 50 %.
		if failure != nil && !strings.Contains(failure.Message, "of 20 in all 50 % while others want some, and never the last tenth") {
			t.Errorf("%s: %s", name, failure.Message)
		}
	}
	call, err := g.Admit(engine.Caller{Name: "b"})
	if err != nil {
		t.Fatalf("another caller: %v", err)
	}
	call.Close()
}

// lingering starts streams of a caller that are read to their first event and then left.
func lingering(t *testing.T, g *engine.Generation[string, string], caller string, n int) (streams []*stream.Stream) {
	t.Helper()
	for range n {
		call, err := g.Admit(engine.Caller{Name: caller})
		if err != nil {
			t.Fatal(err)
		}
		s, err := g.Start(t.Context(), call, "", encoder[string]{encode: text}, engine.StreamOptions{Lease: 7 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := readFrom(t, s, 0, 1); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	return streams
}

// Streams whose reader has gone give their permits back when another caller waits and theirs has
// more than its share, one for each request that waits; others wait for their reader.
func TestAbsentReadersOfACallerBeyondItsShareGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newSharedEngine(t, 4, 10)
		g := ticker(e, 100)
		lingering(t, g, "a", 4)
		since := time.Now()
		other := lingering(t, g, "b", 1) // waits for a permit, and reads one event a second later
		if waited := time.Since(since); waited != time.Second {
			t.Errorf("the other caller waited %v for its first event", waited)
		}
		if n := e.Snapshot().Gates[0].InUse; n != 4 {
			t.Errorf("%d permits are held: more than one stream was ended", n)
		}
		if _, _, err := readFrom(t, other[0], 1, 1); err != nil {
			t.Errorf("the reader that came back within its lease: %v", err)
		}
	})
}

func TestAbsentReadersWithinTheShareAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newSharedEngine(t, 4, 10)
		g := ticker(e, 100)
		own := append(lingering(t, g, "a", 2), lingering(t, g, "b", 2)...)
		call, err := g.Admit(engine.Caller{Name: "c"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = g.Start(t.Context(), call, "", encoder[string]{encode: text}, engine.StreamOptions{Lease: time.Minute}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, s := range own {
			if _, _, err := readFrom(t, s, 1, 1); err != nil {
				t.Errorf("a reader comes back: %v", err)
			}
		}
	})
}

// Readers that are there keep their streams, whatever their caller holds.
func TestStreamsThatAreReadAreNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newSharedEngine(t, 2, 10)
		g := ticker(e, 3)
		var done []chan string
		for range 2 {
			s, err := begin(t.Context(), g, "", engine.StreamOptions{Lease: 7 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			end := make(chan string, 1)
			done = append(done, end)
			go func() {
				got := read(t, s)
				end <- got.kinds
			}()
		}
		synctest.Wait()
		call, err := g.Admit(engine.Caller{Name: "b"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Run(t.Context(), call, "", func(...string) error { return nil }); err != nil {
			t.Error(err)
		}
		call.Close()
		for _, end := range done {
			if kinds := <-end; kinds != "scccd" {
				t.Errorf("a stream that was read: %q", kinds)
			}
		}
	})
}

// A predict never waits for the end of generations where there is more than one permit.
func TestPredictsHaveAPermitBesideGenerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newSharedEngine(t, 2, 10)
		g := ticker(e, 100)
		m := e.Add("whole", engine.Lifecycle{Kind: "test"})
		p := engine.Predicts(m, "predict", engine.Predictor[string, string, string, string]{
			Preprocess:  func(_ context.Context, in string) (string, error) { return in, nil },
			Predict:     func(_ context.Context, in string) (string, error) { return in, nil },
			Postprocess: func(_ context.Context, in string) (string, error) { return in, nil },
		})
		<-e.Load(t.Context())
		for range 2 {
			if _, err := begin(t.Context(), g, "", engine.StreamOptions{Lease: time.Hour}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		since := time.Now()
		if _, err := do(t.Context(), p, "x"); err != nil || time.Since(since) > 0 {
			t.Errorf("after %v: %v", time.Since(since), err)
		}
	})
}
