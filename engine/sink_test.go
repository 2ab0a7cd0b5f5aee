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
	"penstock/sse"
	"penstock/stream"
)

// tape is a sink that notes what it is told. It may be told to be slow, or to have left.
type tape struct {
	mu     sync.Mutex
	said   string // one letter an event, "!" for a flush
	slow   bool
	leaves int // after so many events; 0: never
	direct int // batches that came while Ready said yes
}

func (s *tape) Ready(int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.slow {
		s.direct++
	}
	return !s.slow
}

func (s *tape) Notice(n stream.Notice, more bool) bool { return s.event(noticed(n), more) }

func (s *tape) End(t stream.Terminal, number int64) bool { return s.event(ended(t, number), false) }

func (s *tape) event(ev event, more bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said += map[eventKind]string{
		eventQueued: "q", eventStarted: "s", eventIdle: "i", eventDone: "d", eventFailed: "f",
	}[ev.Kind]
	if !more {
		s.said += "!"
	}
	s.leaves--
	return s.leaves != 0
}

func (s *tape) Events(chunks []sse.Event, _ int64, more bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range chunks {
		s.said += string(c.Data)
		if s.leaves--; s.leaves == 0 {
			return false
		}
	}
	if !more {
		s.said += "!"
	}
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

// steps is a generator that takes what it emits from a channel; a closed channel, or nil, is its
// end.
func steps(e *engine.Engine, chunks <-chan []string) *engine.Generation[string, string] {
	return engine.Generates(e.Add("steps", engine.Lifecycle{}), "stream", engine.Generator[string, string, string]{
		Preprocess: func(_ context.Context, in string) (string, error) { return in, nil },
		Generate: func(ctx context.Context, _ string, emit func(...string) error) (engine.End, error) {
			for {
				select {
				case c, more := <-chunks:
					if !more || c == nil {
						return engine.Stopped(engine.Usage{}), nil
					}
					if err := emit(c...); err != nil {
						return engine.End{}, err
					}
				case <-ctx.Done():
					return engine.End{}, ctx.Err()
				}
			}
		},
		Encode: func(c string) (sse.Event, error) { return sse.Event{Data: []byte(c)}, nil },
	})
}

// words are chunks of a letter each, emitted together.
func words(s string) []string { return strings.Split(s, "") }

func TestAReadySinkIsWrittenToByTheProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan []string)
		s := start(t, steps(e, chunks))
		sink := &tape{}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
		chunks <- words("1") // the first comes with "started", through the log if the sink has not joined yet
		synctest.Wait()
		chunks <- words("23")
		synctest.Wait()
		if sink.said != "s1!23!" || sink.direct < 1 {
			t.Errorf("%q, %d directly", sink.said, sink.direct)
		}
		sink.set(true)
		chunks <- words("45")
		synctest.Wait()
		sink.set(false)
		time.Sleep(15 * time.Second) // a heartbeat
		chunks <- words("6")
		close(chunks)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if sink.said != "s1!23!45!i!6!d!" {
			t.Errorf("%q", sink.said)
		}
	})
}

func TestASinkThatLeavesEndsItsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan []string)
		s := start(t, steps(e, chunks))
		sink := &tape{leaves: 3} // started, 1, 2
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 0, sink) }()
		chunks <- words("1")
		synctest.Wait()
		chunks <- words("2")
		if err := <-served; err != nil {
			t.Errorf("a reader's leaving is no error: %v", err)
		}
		synctest.Wait()
		if g := e.Snapshot().Gates[0]; g.InUse != 0 || sink.said != "s1!2" {
			t.Errorf("%q; gate %+v", sink.said, g)
		}
	})
}

func TestServingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 0)
		chunks := make(chan []string)
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

// Producer and follower hand over from both sides at random; nothing is lost, doubled or out of
// order.
func TestNoChunkIsLostBetweenTheTwoWays(t *testing.T) {
	e := newEngine(t, 1, 0)
	chunks := make(chan []string)
	s := start(t, steps(e, chunks))
	sink := &tape{}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), 0, time.Microsecond, sink) }()
	want, pending := "", ""
	for i := range 5000 {
		sink.set(i%7 < 3)
		w := string(rune('A' + i%26))
		want += w
		if i%3 > 0 { // else it comes with the next one
			chunks <- words(pending + w)
			pending = ""
		} else {
			pending += w
		}
	}
	close(chunks)
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := strings.NewReplacer("!", "", "i", "", "s", "", "d", "").Replace(sink.said); got != want {
		t.Errorf("got %d of %d", len(got), len(want))
	}
}

// An attached stream runs in its reader's goroutine, tells its place in line and beats all the
// same, and goes on through the log when the sink lags.
func TestAStreamWithAHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 5)
		chunks := make(chan []string)
		g := steps(e, chunks)
		holder := start(t, g)
		synctest.Wait() // it holds the permit
		s, err := begin(t.Context(), g, "", engine.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		sink := &tape{}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
		time.Sleep(25 * time.Second)
		cancel(holder)
		synctest.Wait()
		if got := sink.text(); got != "q!i!i!s!" {
			t.Errorf("while it waited: %q", got)
		}
		chunks <- words("1")
		synctest.Wait()
		sink.set(true)
		chunks <- words("2")
		synctest.Wait()
		chunks <- words("3")
		synctest.Wait()
		sink.set(false)
		chunks <- words("4")
		close(chunks)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if got := sink.text(); got != "q!i!i!s!1!2!3!4!d!" {
			t.Errorf("%q", got)
		}
	})
}

func TestAStreamWithAHandoverEndsWithItsReader(t *testing.T) {
	for name, leave := range map[string]func(cancel context.CancelFunc, chunks chan<- []string){
		"its context ends":        func(cancel context.CancelFunc, _ chan<- []string) { cancel() },
		"its sink has had enough": func(_ context.CancelFunc, chunks chan<- []string) { chunks <- words("2") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 0)
				chunks := make(chan []string)
				g := steps(e, chunks)
				s, err := begin(t.Context(), g, "", engine.StreamOptions{})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				sink := &tape{leaves: 3}
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, 0, 0, sink) }()
				chunks <- words("1")
				synctest.Wait()
				leave(cancel, chunks)
				if err := <-served; err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				synctest.Wait() // for the generation, in its own goroutine
				if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
					t.Errorf("it runs on: %+v", g)
				}
				if s, err := begin(t.Context(), g, "", engine.StreamOptions{}); err == nil {
					close(chunks)
					if got := read(t, s); got.kinds != "d" { // Follow does it as well
						t.Errorf("got %+v", got)
					}
				}
			})
		})
	}
}

// Whichever goroutine learns that the sink takes no more, the producer's or the reader's: the
// generation ends.
func TestAStreamWithAHandoverEndsWithALaggingReader(t *testing.T) {
	for name, sink := range map[string]*tape{
		"over a chunk":     {slow: true, leaves: 3}, // started, 1, 2
		"over a heartbeat": {slow: true, leaves: 5}, // started, 1, 2, 3, and idle
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 0)
				chunks := make(chan []string, 3)
				s, err := begin(t.Context(), steps(e, chunks), "", engine.StreamOptions{})
				if err != nil {
					t.Fatal(err)
				}
				chunks <- words("1")
				chunks <- words("2")
				chunks <- words("3")
				served := make(chan error, 1)
				go func() { served <- s.Serve(t.Context(), 0, 10*time.Second, sink) }()
				time.Sleep(11 * time.Second)
				synctest.Wait()
				if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
					t.Errorf("it runs on: %+v", g)
					cancel(s)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
