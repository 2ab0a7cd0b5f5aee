package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/sse"
	"penstock/stream"
)

// brittle is a sink that panics over an event.
type brittle struct {
	tape
	over string
}

func (s *brittle) Events(events []sse.Event, first int64, more bool) bool {
	if string(events[0].Data) == s.over {
		panic("the sink panics over " + s.over)
	}
	return s.tape.Events(events, first, more)
}

func (s *brittle) End(t stream.Terminal, _ int64) bool {
	panic("the sink is used after it has panicked")
}

// A sink may panic in the producer's goroutine or in its reader's. Either way its reader ends, its
// generation too, and the permit is free.
func TestAPanicOfASinkEndsItsReaderAndItsGeneration(t *testing.T) {
	for name, slow := range map[string]bool{"in the producer's goroutine": false, "in the reader's": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, 1, 0)
				chunks := make(chan []string)
				g := steps(e, chunks)
				s := start(t, g)
				sink := &brittle{over: "2"}
				served := make(chan error, 1)
				go func() {
					defer func() {
						if p := recover(); p != nil {
							served <- fmt.Errorf("panic: %v", p)
						}
					}()
					served <- s.Serve(t.Context(), 0, time.Second, sink)
				}()
				synctest.Wait()
				chunks <- words("1")
				synctest.Wait()
				sink.set(slow)
				chunks <- words("2")
				if err := <-served; err == nil || strings.Contains(err.Error(), "panic: ") != slow {
					t.Errorf("Serve: %v", err)
				}
				synctest.Wait()
				if g := e.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 {
					t.Errorf("at the gate: %+v", g)
				}
				if text := sink.text(); text != "s1!" {
					t.Errorf("the sink took %q", text)
				}
				close(chunks)
				if got := read(t, start(t, g)); got.kinds != "d" {
					t.Errorf("afterwards: %+v", got)
				}
			})
		})
	}
}
