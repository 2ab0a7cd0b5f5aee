package engine

import "penstock/apierr"

// Log keeps one stream: its chunks, numbered from 1 without a hole, and at last its terminal event, which has the next
// number. One producer appends and seals; any number of readers follow, each at its own place.
//
// Append and Seal are called from one goroutine, Follow and Drop from any. The log in memory is the model for others;
// package logtest holds what all of them must do.
type Log interface {
	// Append adds chunks that came together; slice and data are the caller's again when it returns. An error ends the
	// generation: a Log that drops its oldest chunks has no reason for one.
	Append(chunks []Encoded) error
	// Seal adds the terminal event. Nothing is appended afterwards.
	Seal(t Terminal)
	// Follow attaches a reader that goes on after number `after`. Whenever there is something for it to take, the log sends
	// on news unless news is full; it never waits there. The errors are ErrGone, if that place is no longer or not yet in
	// the log, and ErrOver, if it is the terminal event's.
	Follow(after int64, news chan<- struct{}) (LogReader, error)
	// Drop forgets everything. Readers get ErrGone.
	Drop()
}

// LogReader is one reader's place in a Log. It is for one goroutine.
type LogReader interface {
	// Take returns what the reader has not had yet, which may be nothing; if it leaves something, it has sent on news for
	// that. The batch's slice is the reader's to keep until it hands it back as spare; the chunks' bytes are shared by all
	// readers. The errors are ErrGone, if the log has dropped what comes next, and ErrSlowReader, if so much was kept for
	// this reader that the log gave it up.
	Take(spare []Encoded) (Batch, error)
	// Close detaches the reader.
	Close()
}

// Batch is a piece of a log.
type Batch struct {
	First    int64 // number of Chunks[0], or of what comes next
	Chunks   []Encoded
	Terminal *Terminal // after the chunks, if the log ends there
}

// Terminal is a stream's last event: an End, or the error that it failed with.
type Terminal struct {
	End End
	Err *apierr.Error
}

// Logs makes the logs of streams that more than one connection may read.
type Logs interface {
	// Create returns an empty log for the stream of that id, which keeps chunks up to buffer bytes of memory, the last one
	// whatever its size.
	Create(id string, buffer int) Log
}

// chunkCost is what a chunk takes in memory beside its data: two slice headers, and the room that slices and slabs keep.
const chunkCost = 80

// size is how many bytes a chunk brings.
func size(c Encoded) int { return len(c.Data) + len(c.Name) }

// cost is how many bytes of memory a kept chunk counts as: tokens are small, and most of what they take is not their data.
func cost(c Encoded) int { return size(c) + chunkCost }
