package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// stuckSink is a sink whose reader takes nothing: each call waits until it is let go.
type stuckSink struct{ free chan struct{} }

func (s stuckSink) Notice(stream.Notice, bool) bool {
	<-s.free
	return true
}

func (s stuckSink) End(stream.Terminal, int64) bool {
	<-s.free
	return true
}

func (s stuckSink) Events([]sse.Event, int64, bool) bool {
	<-s.free
	return true
}

func (stuckSink) Ready(int) bool { return false }

// A permit is for work: not for reporting to a stuck reader its position, or that the model has
// begun.
func TestAStuckReaderHoldsNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, 1, 2)
		chunks := make(chan []string)
		generation := steps(e, chunks)
		serve := func(sink stream.Sink) (served chan error) {
			s, err := begin(t.Context(), generation, "", engine.StreamOptions{})
			if err != nil {
				t.Fatal(err)
			}
			served = make(chan error, 1)
			go func() { served <- s.Serve(t.Context(), 0, 3*time.Second, sink) }()
			synctest.Wait()
			return served
		}
		first, stuck, last := &tape{}, stuckSink{make(chan struct{})}, &tape{}
		one := serve(first)
		two := serve(stuck)
		three := serve(last)
		time.Sleep(10 * time.Second) // for heartbeats, too
		for range 3 {
			chunks <- words("x") // each of them writes one
			synctest.Wait()
			chunks <- nil
			synctest.Wait()
		}
		if err := <-one; err != nil {
			t.Error(err)
		}
		if err := <-three; err != nil || !strings.HasSuffix(last.text(), "d!") {
			t.Errorf("the reader behind the stuck one: %q, %v", last.text(), err)
		}
		if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
			t.Errorf("at the gate: %+v", g)
		}
		close(stuck.free)
		if err := <-two; err != nil {
			t.Error(err)
		}
	})
}
