package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"penstock/apierr"
	"penstock/engine"
	"penstock/stream"
)

func TestAReaderGetsEveryChunkAndTheEnd(t *testing.T) {
	e := newEngine(t, 1, 0)
	g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
		for i := range 1000 {
			if err := emit(fmt.Sprint(i, " ")); err != nil {
				return engine.End{}, err
			}
		}
		return engine.LengthReached(engine.Usage{PromptTokens: 3, CompletionTokens: 1000}), nil
	})
	got := read(t, start(t, g))
	if got.kinds != "s"+strings.Repeat("c", 1000)+"d" || !strings.HasPrefix(got.text, "0 1 2 ") || !strings.HasSuffix(got.text, "998 999 ") {
		t.Errorf("got %q %q", got.kinds, got.text)
	}
	if got.done.Reason != engine.ReasonLength || got.done.Usage.CompletionTokens != 1000 || got.last != 1001 {
		t.Errorf("end %+v at %d", got.done, got.last)
	}
}

func TestFailuresMidStreamAreFailedAndThePermitIsBack(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		end  func() (engine.End, error)
		want apierr.Code
	}{
		"error":             {func() (engine.End, error) { return engine.End{}, boom }, apierr.CodeInternal},
		"error with an end": {func() (engine.End, error) { return engine.Stopped(engine.Usage{}), boom }, apierr.CodeInternal},
		"typed error":       {func() (engine.End, error) { return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut} }, apierr.CodeUpstreamCut},
		"panic":             {func() (engine.End, error) { panic("boom") }, apierr.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, 1, 0)
			broken := true
			g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
				if err := emit("half an ans"); err != nil || !broken {
					return engine.Stopped(engine.Usage{}), err
				}
				return c.end()
			})
			s := start(t, g)
			got := read(t, s)
			if got.kinds != "scf" || got.failed.Code != c.want {
				t.Errorf("got %+v", got)
			}
			broken = false
			if got := read(t, start(t, g)); got.kinds != "scd" { // permit and place are free as soon as the end is heard
				t.Errorf("afterwards: %+v", got)
			}
		})
	}
}

func TestAReaderWhoLeavesStopsTheGenerationAtItsNextChunk(t *testing.T) {
	e := newEngine(t, 1, 0)
	read, emitted := make(chan struct{}), 0
	stopped := make(chan error, 1)
	g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
		for {
			if err := emit("x"); err != nil {
				stopped <- err
				return engine.End{}, err
			}
			emitted++
			<-read
		}
	})
	s := start(t, g)
	for ev := range follow(t.Context(), s, 0, 0) {
		if ev.Kind == eventChunk && ev.Seq == 3 {
			break
		}
		if ev.Kind == eventChunk {
			read <- struct{}{}
		}
	}
	close(read)
	if err := <-stopped; !errors.Is(err, stream.ErrNoReader) {
		t.Errorf("emit said %v", err)
	}
	if emitted != 3 {
		t.Errorf("%d chunks were made after the reader took 3", emitted)
	}
}

func TestCancelledBeforeItsFirstChunk(t *testing.T) {
	for _, where := range []string{"preprocess", "queue", "generate"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 10)
				m := e.Add("writer", engine.Lifecycle{})
				generating := 0
				g := engine.Generates(m, "stream", engine.Generator[string, string, string]{
					Preprocess: func(ctx context.Context, in string) (string, error) {
						if where == "preprocess" && in == "" {
							<-ctx.Done()
							return "", ctx.Err()
						}
						return in, nil
					},
					Generate: func(ctx context.Context, in string, _ func(...string) error) (engine.End, error) {
						generating++
						<-ctx.Done()
						return engine.End{}, errors.New("told to stop")
					},
				})
				var holder *stream.Stream
				if where == "queue" {
					holder, _ = begin(t.Context(), g, "holder", engine.StreamOptions{})
					synctest.Wait()
				}
				s := start(t, g)
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute/4, cancel)
				got := readWith(t, ctx, s, 0)
				if !errors.Is(got.err, context.Canceled) || strings.Contains(got.kinds, "c") {
					t.Errorf("got %+v", got)
				}
				synctest.Wait()
				want := map[string]int{"preprocess": 0, "queue": 1, "generate": 1}[where]
				if generating != want || e.Snapshot().Gates[0].Waiting != 0 {
					t.Errorf("%d generations began, want %d; gate %+v", generating, want, e.Snapshot().Gates[0])
				}
				if holder != nil {
					holder.Cancel(stream.ErrNoReader)
				}
			})
		})
	}
}

func TestWaitingIsHeardAndSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
			time.Sleep(10 * time.Second) // virtual
			return engine.Stopped(engine.Usage{}), emit("x")
		})
		var last reading
		done := make(chan struct{})
		for range 2 {
			go read(t, start(t, g))
			synctest.Wait()
		}
		go func() { last = readWith(t, t.Context(), start(t, g), 4*time.Second); close(done) }()
		<-done
		// Second in line for 10 s, first for 10 s more, then its own 10 s; a heartbeat for every 4
		// s of silence.
		if last.kinds != "qiiqiisiicd" || fmt.Sprint(last.queued) != "[2 1]" {
			t.Errorf("got %q, positions %v", last.kinds, last.queued)
		}
	})
}

func TestAQueueThatMovesFastIsToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 100)
		g := writer(e, func(context.Context, func(...string) error) (engine.End, error) {
			time.Sleep(99 * time.Millisecond) // virtual
			return engine.Stopped(engine.Usage{}), nil
		})
		for range 31 {
			go read(t, start(t, g))
			synctest.Wait()
		}
		got := read(t, start(t, g))
		if fmt.Sprint(got.queued) != "[31 21 11 1]" {
			t.Errorf("positions %v", got.queued)
		}
	})
}

func TestAReaderTooSlowIsCutAndItsGenerationWithIt(t *testing.T) {
	e := newEngine(t, 1, 0)
	stopped := make(chan error, 1)
	g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
		for {
			if err := emit(strings.Repeat("x", 100)); err != nil {
				stopped <- err
				return engine.End{}, err
			}
		}
	})
	s, err := begin(t.Context(), g, "", engine.StreamOptions{Buffer: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var stop error
	for ev, err := range follow(t.Context(), s, 0, 0) {
		if ev.Kind == eventChunk {
			stop = <-stopped // reads on only once the producer has given up
			stopped <- stop
		}
		if err != nil {
			stop = err
		}
	}
	if !errors.Is(stop, stream.ErrSlowReader) {
		t.Errorf("the reader got %v", stop)
	}
}

func TestAStreamIsReadOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		g := writer(e, func(ctx context.Context, emit func(...string) error) (engine.End, error) {
			_ = emit("x")
			<-ctx.Done()
			return engine.End{}, ctx.Err()
		})
		s := start(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go readWith(t, ctx, s, 0)
		synctest.Wait()
		for _, after := range []int64{0, 1, 99} {
			for _, err := range follow(t.Context(), s, after, 0) {
				if !errors.Is(err, stream.ErrGone) || code(err) != apierr.CodeGone {
					t.Errorf("a second reader after %d: %v", after, err)
				}
			}
		}
		cancel()
		synctest.Wait()
	})
}

func TestClosingFailsRunningStreamsAsDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		g := writer(e, func(ctx context.Context, emit func(...string) error) (engine.End, error) {
			_ = emit("x")
			<-ctx.Done()
			return engine.End{}, ctx.Err()
		})
		s := start(t, g)
		result := make(chan reading, 1)
		go func() { result <- read(t, s) }()
		synctest.Wait()
		e.Drain()
		if _, err := begin(t.Context(), g, "", engine.StreamOptions{}); code(err) != apierr.CodeDraining {
			t.Errorf("new work while draining: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := e.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if got := <-result; got.kinds != "scf" || got.failed.Code != apierr.CodeDraining {
			t.Errorf("got %+v", got)
		}
	})
}

func TestModelsLoadSideBySideAndFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		closed := 0
		add := func(name string, load func(context.Context) error) *engine.Prediction[int, int] {
			m := e.Add(name, engine.Lifecycle{Kind: "test", Load: load, Close: func() error { closed++; return nil }})
			return engine.Predicts(m, "predict", doubler())
		}
		good := add("good", func(context.Context) error { time.Sleep(time.Second); return nil })
		bad := add("bad", func(context.Context) error { return errors.New("no such folder") })
		panics := add("panics", func(context.Context) error { panic("ouch") })
		if _, err := do(t.Context(), good, 1); code(err) != apierr.CodeModelLoading || apierr.From(err).RetryAfter <= 0 {
			t.Errorf("while loading: %v", err)
		}
		e.Load(t.Context())
		synctest.Wait()
		if got := e.Snapshot().Models; got[0].State != engine.StateLoading || got[1].State != engine.StateFailed || got[1].Reason != "no such folder" || got[2].State != engine.StateFailed {
			t.Errorf("models %+v", got)
		}
		for _, p := range []*engine.Prediction[int, int]{bad, panics} {
			if _, err := do(t.Context(), p, 1); code(err) != apierr.CodeModelFailed {
				t.Errorf("a failed model: %v", err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got, err := do(t.Context(), good, 2); err != nil || got != 4 {
			t.Errorf("once loaded: %v, %v", got, err)
		}
		if _, err := e.Model("absent"); code(err) != apierr.CodeModelNotFound {
			t.Errorf("a model that is not there: %v", err)
		}
		if err := e.Close(); err != nil || closed != 1 {
			t.Errorf("Close: %v; %d models closed, want the one that had loaded", err, closed)
		}
	})
}

func TestAStreamThatIsOverIsForgotten(t *testing.T) {
	e := newEngine(t, 1, 0)
	g := writer(e, func(_ context.Context, emit func(...string) error) (engine.End, error) {
		return engine.Stopped(engine.Usage{}), emit("x")
	})
	var streams []weak.Pointer[stream.Stream]
	for range 10 {
		s := start(t, g)
		read(t, s)
		streams = append(streams, weak.Make(s))
	}
	e.Drain()
	if err := e.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	for i, s := range streams {
		if s.Value() != nil {
			t.Errorf("stream %d is kept", i)
		}
	}
}
