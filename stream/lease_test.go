package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

// stuck is a sink that takes its first event once released.
type stuck struct {
	reading
	released chan struct{}
}

func (s *stuck) Events(events []sse.Event, first int64, more bool) bool {
	<-s.released
	return s.reading.Events(events, first, more)
}

func TestAReaderDoesNotWaitForTheLogToBeDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &puppets{Logs: stream.NewMemoryLogs(1<<20, nil), dropping: make(chan struct{})}
		g := newGenerators(t, stream.Options{Logs: logs})
		s := g.start(t, stream.Config{Lease: time.Second, Detached: true}, ticker(1))
		slow := &stuck{reading{t: t}, make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 0, slow) }()
		time.Sleep(5 * time.Second) // it has expired
		close(slow.released)
		if err := <-served; err != nil {
			t.Error(err)
		}
		if _, err := g.Open(t.Context(), s.ID()); code(err) != apierr.CodeNotFound {
			t.Errorf("while its log is dropped: %v", err)
		}
		closed := make(chan struct{})
		go func() { g.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close does not wait for the log to be dropped")
		default:
		}
		close(logs.dropping)
		<-closed
	})
}

// A reader may be left when the process ends. Close does not wait for it; the log is dropped before
// it has left.
func TestAReaderThatLeavesAfterCloseWaitsForTheLogToBeDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &puppets{Logs: stream.NewMemoryLogs(1<<20, nil), dropping: make(chan struct{})}
		g := newGenerators(t, stream.Options{Logs: logs})
		s := g.start(t, stream.Config{Lease: time.Minute}, ticker(1))
		slow := &stuck{reading{t: t}, make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context(), 0, 0, slow) }()
		g.all.Wait()
		g.Close()
		close(slow.released)
		synctest.Wait()
		select {
		case err := <-served:
			t.Errorf("it has left although its log is not dropped: %v", err)
		default:
		}
		close(logs.dropping)
		if err := <-served; err != nil || slow.kinds != "scd" {
			t.Errorf("it has %q: %v", slow.kinds, err)
		}
	})
}

// A store may notify its owner of a reader that came and left at the end of a lease once only, when
// it has left again.
func TestALeaseRunsAgainAfterAReaderThatCameAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &puppets{Logs: stream.NewMemoryLogs(1<<20, nil)}
		g := newGenerators(t, stream.Options{Logs: logs})
		logs.counted.Store(true)
		g.start(t, stream.Config{Lease: 5 * time.Second}, ticker(100))
		time.Sleep(4 * time.Second)
		logs.readers.Store(1)
		time.Sleep(2 * time.Second)
		if g.running.Load() != 1 {
			t.Error("canceled although it has a reader")
		}
		logs.readers.Store(0)
		logs.owner.ReadersChanged()
		time.Sleep(4 * time.Second)
		if g.running.Load() != 1 {
			t.Error("canceled before its second lease has run out")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if g.running.Load() != 0 {
			t.Error("it runs on without readers")
		}
	})
}
