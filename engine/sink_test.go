package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
)

// tape is a sink that notes what it is told. It may be told to be slow, or to have left.
type tape struct {
	mu     sync.Mutex
	said   string // one letter an event, "!" for a flush
	slow   bool
	leaves int // after so many events; 0: never
	direct int // chunks that came while Ready said yes
}

func (s *tape) Ready(int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.slow {
		s.direct++
	}
	return !s.slow
}

func (s *tape) Event(ev engine.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said += map[engine.EventKind]string{
		engine.EventQueued: "q", engine.EventStarted: "s", engine.EventIdle: "i", engine.EventDone: "d", engine.EventFailed: "f",
	}[ev.Kind] + string(ev.Data)
	if !ev.More {
		s.said += "!"
	}
	s.leaves--
	return s.leaves != 0
}

func (s *tape) Flush() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said += "!"
	return true
}

func (s *tape) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

func (s *tape) set(slow bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = slow
}

// steps is a generator that takes what it emits from a channel; a closed channel is its end.
func steps(e *engine.Engine, chunks <-chan engine.Encoded) *engine.Generation[string] {
	return engine.Generates(e.Add("steps", engine.Lifecycle{}), "stream", engine.Generator[string, string, engine.Encoded]{
		Preprocess: func(_ context.Context, in string) (string, error) { return in, nil },
		Generate: func(ctx context.Context, _ string, emit func(engine.Encoded) error) (engine.End, error) {
			for {
				select {
				case c, more := <-chunks:
					if !more {
						return engine.Stopped(engine.Usage{}), nil
					}
					if err := emit(c); err != nil {
						return engine.End{}, err
					}
				case <-ctx.Done():
					return engine.End{}, ctx.Err()
				}
			}
		},
		Encode: func(c engine.Encoded) (engine.Encoded, error) { return c, nil },
	})
}

func word(s string, more bool) engine.Encoded { return engine.Encoded{Data: []byte(s), More: more} }

func TestAReadySinkIsWrittenToByTheProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan engine.Encoded)
		s := start(t, steps(e, chunks))
		sink := &tape{}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
		chunks <- word("1", false) // the first comes with "started", through the log if the sink has not joined yet
		synctest.Wait()
		chunks <- word("2", true)
		chunks <- word("3", true)
		chunks <- word("", false) // nothing more after all
		synctest.Wait()
		if sink.said != "s1!23!" || sink.direct < 2 {
			t.Errorf("%q, %d directly", sink.said, sink.direct)
		}
		sink.set(true)
		chunks <- word("4", true)
		chunks <- word("5", false)
		synctest.Wait()
		sink.set(false)
		time.Sleep(15 * time.Second) // a heartbeat
		chunks <- word("6", false)
		close(chunks)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if got := strings.ReplaceAll(sink.said, "4!5", "45"); got != "s1!23!45!i!6!d!" { // 4 may have been taken alone
			t.Errorf("%q", sink.said)
		}
	})
}

func TestASinkThatLeavesEndsItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan engine.Encoded)
		s := start(t, steps(e, chunks))
		sink := &tape{leaves: 3} // started, 1, 2
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 0, sink) }()
		chunks <- word("1", false)
		synctest.Wait()
		chunks <- word("2", false)
		if err := <-served; err != nil {
			t.Errorf("a reader's leaving is no error: %v", err)
		}
		synctest.Wait()
		if g := e.Snapshot().Gates[0]; g.InUse != 0 || sink.said != "s1!2!" {
			t.Errorf("%q; gate %+v", sink.said, g)
		}
	})
}

func TestServingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan engine.Encoded)
		s := start(t, steps(e, chunks))
		sink := &tape{}
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if err := s.Serve(ctx, 0, 0, sink); !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
	})
}

// Producer and follower hand over from both sides at random; nothing is lost, doubled or out of order.
func TestNoChunkIsLostBetweenTheTwoWays(t *testing.T) {
	e := newEngine(t, 1, 0)
	chunks := make(chan engine.Encoded)
	s := start(t, steps(e, chunks))
	sink := &tape{}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), 0, time.Microsecond, sink) }()
	want := ""
	for i := range 5000 {
		sink.set(i%7 < 3)
		w := string(rune('A' + i%26))
		want += w
		chunks <- word(w, i%3 == 0)
	}
	close(chunks)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := strings.NewReplacer("!", "", "i", "", "s", "", "d", "").Replace(sink.said); got != want {
		t.Errorf("got %d of %d", len(got), len(want))
	}
}

// An attached stream runs in its reader's goroutine, tells its place in line and beats all the same, and goes on through
// the log when the sink lags.
func TestAnAttachedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 5)
		chunks := make(chan engine.Encoded)
		g := steps(e, chunks)
		holder := start(t, g)
		synctest.Wait() // it holds the permit
		s, err := g.Start(t.Context(), "", engine.StreamOptions{Attached: true})
		if err != nil {
			t.Fatal(err)
		}
		sink := &tape{}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
		time.Sleep(25 * time.Second)
		holder.Cancel()
		synctest.Wait()
		if got := sink.text(); got != "q!i!i!s!" {
			t.Errorf("while it waited: %q", got)
		}
		chunks <- word("1", false)
		synctest.Wait()
		sink.set(true)
		chunks <- word("2", false)
		synctest.Wait()
		chunks <- word("3", false)
		synctest.Wait()
		sink.set(false)
		chunks <- word("4", false)
		close(chunks)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if got := sink.text(); got != "q!i!i!s!1!2!3!4!d!" {
			t.Errorf("%q", got)
		}
	})
}

func TestAnAttachedStreamEndsWithItsReader(t *testing.T) {
	for name, leave := range map[string]func(cancel context.CancelFunc, chunks chan<- engine.Encoded){
		"its context ends":        func(cancel context.CancelFunc, _ chan<- engine.Encoded) { cancel() },
		"its sink has had enough": func(_ context.CancelFunc, chunks chan<- engine.Encoded) { chunks <- word("2", false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 0)
				chunks := make(chan engine.Encoded)
				g := steps(e, chunks)
				s, err := g.Start(t.Context(), "", engine.StreamOptions{Attached: true})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				sink := &tape{leaves: 3}
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, 0, 0, sink) }()
				chunks <- word("1", false)
				synctest.Wait()
				leave(cancel, chunks)
				if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
					t.Errorf("it runs on: %+v", g)
				}
				if s, err := g.Start(t.Context(), "", engine.StreamOptions{Attached: true}); err == nil {
					close(chunks)
					if got := read(t, s); got.kinds != "d" { // Follow does it as well
						t.Errorf("got %+v", got)
					}
				}
			})
		})
	}
}

// Whoever finds out that the sink takes no more, the producer or who helps out: the generation ends.
func TestAnAttachedStreamEndsWithALaggingReader(t *testing.T) {
	for name, sink := range map[string]*tape{
		"over a chunk":     {slow: true, leaves: 3}, // started, 1, 2
		"over a heartbeat": {slow: true, leaves: 5}, // started, 1, 2, 3, and idle
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 0)
				chunks := make(chan engine.Encoded, 3)
				s, err := steps(e, chunks).Start(t.Context(), "", engine.StreamOptions{Attached: true})
				if err != nil {
					t.Fatal(err)
				}
				chunks <- word("1", false)
				chunks <- word("2", false)
				chunks <- word("3", false)
				served := make(chan error, 1)
				go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
				time.Sleep(11 * time.Second)
				synctest.Wait()
				if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
					t.Errorf("it runs on: %+v", g)
					s.Cancel()
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
