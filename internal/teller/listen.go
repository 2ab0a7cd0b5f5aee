package teller

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Event is one event of a stream, as a browser dispatches it.
type Event struct {
	Name string // "" for chunks
	Data string
	Seq  int64 // the number in its id; 0: it has none
}

// Events reads a stream of Server-Sent Events to its end, which is the error (io.EOF for a clean one). What is not
// whole when the stream ends is dropped, as the standard says. The second function returns the last id that came whole.
func Events(body io.Reader, take func(Event) bool) (lastID string, err error) {
	r := bufio.NewReader(body)
	var name, id string
	var data []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return lastID, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			seq := int64(0)
			if id != "" {
				lastID = id
				_, number, _ := strings.Cut(id, "-")
				seq, _ = strconv.ParseInt(number, 10, 64) // our own ids are numbers
			}
			if data != nil && !take(Event{Name: name, Data: strings.Join(data, "\n"), Seq: seq}) {
				return lastID, nil
			}
			name, id, data = "", "", nil
		case field == "data":
			data = append(data, value)
		case field == "event":
			name = value
		case field == "id":
			id = value
		}
	}
}

// Told is what one reader has heard of a Task, over all its connections.
type Told struct {
	Task   Task
	Words  int    // that came, in their order
	End    string // the terminal event's name
	LastID string // of the last event
}

// Take checks an event of the native dialect: what it says must be what comes next.
func (t *Told) Take(ev Event) error {
	if ev.Seq == 0 { // queued, started
		return nil
	}
	var chunk struct{ Text string }
	return t.next(ev, ev.Name, &chunk, func() string { return chunk.Text })
}

// TakeChat checks an event of a chat that can be resumed.
func (t *Told) TakeChat(ev Event) error {
	var chunk struct {
		Choices []struct {
			Delta struct{ Content string }
		}
	}
	end := ""
	switch {
	case ev.Data == "[DONE]":
		end = "done"
	case strings.HasPrefix(ev.Data, `{"error":`):
		end = "failed"
	}
	return t.next(ev, end, &chunk, func() string {
		if len(chunk.Choices) != 1 {
			return ""
		}
		return chunk.Choices[0].Delta.Content
	})
}

// next checks an event that is the terminal one if it has the name of an end.
func (t *Told) next(ev Event, end string, chunk any, text func() string) error {
	if want := int64(t.Words) + 1; t.End != "" || ev.Seq != want {
		return &SequenceError{Got: ev.Seq, Want: want}
	}
	if end != "" {
		t.End = end
		return nil
	}
	if err := json.Unmarshal([]byte(ev.Data), chunk); err != nil {
		return fmt.Errorf("chunk %d: %w", ev.Seq, err)
	}
	if got, want := text(), t.Task.Word(t.Words); got != want {
		return fmt.Errorf("chunk %d is %q, not %q", ev.Seq, got, want)
	}
	t.Words++
	return nil
}

// SequenceError says that events were lost (Got is more than Want) or doubled.
type SequenceError struct{ Got, Want int64 }

// Error implements error.
func (e *SequenceError) Error() string {
	return fmt.Sprintf("event %d came where %d was due", e.Got, e.Want)
}
