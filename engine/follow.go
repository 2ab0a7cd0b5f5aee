package engine

import (
	"context"
	"iter"
	"time"

	"penstock/apierr"
)

// EventKind says what an Event is.
type EventKind int

// Queued and Idle say how it goes, and may come several times. Started comes once, before the first Chunk. Done or Failed
// is the last event, and without one of them a stream is not complete.
const (
	EventQueued  EventKind = iota + 1 // Position in line; when it changes, at most once a second
	EventStarted                      // the model works
	EventChunk                        // Seq, Name and Data
	EventIdle                         // nothing has come for as long as the reader said
	EventDone                         // Seq and End
	EventFailed                       // Seq and Err
)

// Event is one thing a reader of a stream is told.
type Event struct {
	Kind     EventKind
	Seq      int64  // of chunks 1, 2, … without a hole, of the terminal event the next
	Name     string // of the chunk, most have none
	Data     []byte // must not be changed
	Position int
	End      End
	Err      *apierr.Error
}

// positionPause is how often a place in line is told at most.
const positionPause = time.Second

// Follow yields the stream's events from after sequence number `after` (0: from the start) to the terminal event, waiting
// for those to come. After `idle` without any event it yields an EventIdle, and another one each time that long passes
// again; 0 asks for none. The loop's end, however it comes, is the reader's leaving.
//
// An error is the reader's own and the last thing it gets: the context's cause, ErrSlowReader, an *apierr.Error with apierr.CodeGone
// (and ErrGone in it) if the log does not hold what comes next, or ErrOver if nothing does because the reader has had the terminal event.
// The stream's failure is not an error but an EventFailed.
func (s *Stream) Follow(ctx context.Context, after int64, idle time.Duration) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if work := s.take(); work != nil {
			go work() // a loop's body runs in the loop's goroutine only; the engine waits for this one
		}
		left := false
		err := s.Serve(ctx, after, idle, loop(func(e Event) bool {
			left = !yield(e, nil)
			return !left
		}))
		if err != nil && !left {
			yield(Event{}, err)
		}
	}
}

// loop is the Sink of a loop's body, which runs in the loop's goroutine only.
type loop func(Event) bool

func (l loop) Event(e Event, _ bool) bool { return l(e) }

func (l loop) Chunks(chunks []Encoded, first int64, _ bool) bool {
	for i, c := range chunks {
		if !l(Event{Kind: EventChunk, Seq: first + int64(i), Name: c.Name, Data: c.Data}) {
			return false
		}
	}
	return true
}

func (loop) Ready(int) bool { return false }
