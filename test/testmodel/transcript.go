package testmodel

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tmaxmax/go-sse"
)

// Event is one event of a stream, as a browser dispatches it.
type Event struct {
	Name string // "" for chunks
	Data string
	Seq  int64 // the number in its id; 0: it has none
}

// Events reads a stream of Server-Sent Events, by a parser that is not Penstock's own, until take
// returns false or the stream has ended; then the error says how (io.EOF for a clean end). An event
// that is not complete at the end is dropped, as the standard says. lastID is that of the last
// complete event.
func Events(body io.Reader, take func(Event) bool) (lastID string, err error) {
	for ev, err := range sse.Read(body, nil) {
		if err != nil {
			return lastID, err
		}
		lastID = ev.LastEventID
		_, number, _ := strings.Cut(lastID, "-")
		seq, _ := strconv.ParseInt(number, 10, 64) // Penstock's own ids end with numbers
		if ev.Data != "" && !take(Event{Name: ev.Type, Data: ev.Data, Seq: seq}) {
			return lastID, nil
		}
	}
	return lastID, io.EOF
}

// Transcript is what one reader has received of a Task, over all its connections.
type Transcript struct {
	Task   Task
	Words  int    // received, in order
	End    string // the terminal event's name
	LastID string // of the last event
}

// Add adds an event of the native dialect; it must be the one that comes next.
func (t *Transcript) Add(ev Event) error {
	if ev.Seq == 0 { // queued, started
		return nil
	}
	return t.add(ev, ev.Name, func() (string, error) {
		var chunk struct{ Text string }
		err := json.Unmarshal([]byte(ev.Data), &chunk)
		return chunk.Text, err
	})
}

// AddChat adds an event of a chat that can be resumed.
func (t *Transcript) AddChat(ev Event) error {
	end := ""
	switch {
	case ev.Data == "[DONE]":
		end = "done"
	case strings.HasPrefix(ev.Data, `{"error":`):
		end = "failed"
	}
	return t.add(ev, end, func() (string, error) {
		var chunk struct {
			Choices []struct {
				Delta struct{ Content string }
			}
		}
		err := json.Unmarshal([]byte(ev.Data), &chunk)
		if err != nil || len(chunk.Choices) != 1 {
			return "", err
		}
		return chunk.Choices[0].Delta.Content, nil
	})
}

// add adds an event, which is the terminal one if end is not empty, and else a chunk with that
// text.
func (t *Transcript) add(ev Event, end string, text func() (string, error)) error {
	if want := int64(t.Words) + 1; t.End != "" || ev.Seq != want {
		return &SequenceError{Got: ev.Seq, Want: want}
	}
	if end != "" {
		t.End = end
		return nil
	}
	got, err := text()
	if err != nil {
		return fmt.Errorf("chunk %d: %w", ev.Seq, err)
	}
	if want := t.Task.Word(t.Words); got != want {
		return fmt.Errorf("chunk %d is %q, not %q", ev.Seq, got, want)
	}
	t.Words++
	return nil
}

// SequenceError says that events were lost (Got is greater than Want) or duplicated.
type SequenceError struct{ Got, Want int64 }

// Error implements error.
func (e *SequenceError) Error() string {
	return fmt.Sprintf("received event %d instead of event %d", e.Got, e.Want)
}
