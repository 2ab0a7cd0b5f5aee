package stream

import (
	"context"
	"time"

	"penstock/apierr"
	"penstock/sse"
)

// Logs keeps the logs of streams that more than one connection may read: in this process, as
// NewMemoryLogs does, or in a store that several machines share. All methods of Logs, Log, View
// and Cursor that have a context may be slow and may fail; it bounds the call, and not the log's
// life. Buffered makes producers independent of a slow store.
//
// Package logtest holds what every implementation must do.
type Logs interface {
	// Create returns a new, empty log that belongs to the caller. owner is notified of what
	// happens to the log elsewhere, from any goroutine, until the log is dropped.
	Create(ctx context.Context, id string, c LogConfig, owner Owner) (Log, error)
	// Open returns the log of that id for reading, whichever process owns it. It returns
	// ErrNotFound if there is none.
	Open(ctx context.Context, id string) (View, error)
}

// LogConfig describes a log to the store that keeps it.
type LogConfig struct {
	Info
	Buffer int           // bytes of memory for events; the oldest are dropped, never the last one
	Caller string        // whose stream it is: callers share memory
	Lease  time.Duration // how long a store keeps the log when its owner no longer cares for it
}

// Info is what a reader on any machine must know of a stream.
type Info struct {
	Model   string // the name of the model that generates
	Verb    string // the name of its verb
	Dialect string // the protocol that the stream's events are encoded in
	Owner   string // identifies the credential that started it; "": none was needed
}

// Owner is notified of what readers elsewhere do. Its methods return quickly. They may call
// Log.Readers, and no other method of the log: the log holds no lock while it calls them.
type Owner interface {
	// ReadersChanged says that Log.Readers may return another number than before. Of changes that
	// follow each other closely the last one suffices.
	ReadersChanged()
	// Cancel asks for the generation to stop.
	Cancel(cause error)
}

// Log keeps one stream: its events, numbered from 1 without a hole, and at last its terminal
// event, which has the next number. It is the owner's side: Append and Seal are called from one
// goroutine, the other methods from any.
type Log interface {
	View
	// Append adds events that came together, of which the first has number `first`: one more
	// than the last one appended. Events that the log holds already are skipped, so that an
	// Append whose outcome is unknown can be repeated; one that would leave a gap fails. The slice
	// and its data are the caller's again when Append returns.
	Append(ctx context.Context, first int64, events []sse.Event) error
	// Flush returns once everything appended is stored, or with the reason why that will not be.
	Flush(ctx context.Context) error
	// Seal adds the terminal event. Nothing is appended afterwards; sealing twice does nothing.
	Seal(ctx context.Context, t Terminal) error
	// Drop deletes the log. Readers get ErrGone.
	Drop(ctx context.Context) error
	// Readers returns at once how many readers follow the log, on all machines, as far as is known
	// here.
	Readers() int
}

// View is a log as its readers see it.
type View interface {
	// Info returns what Create was given.
	Info() Info
	// Follow attaches a reader that goes on after number `after`. Whenever there is something to
	// take the log sends on news, unless news is full; it never blocks there. The caller closes
	// the cursor; the end of the context may end the following earlier. The errors are ErrGone,
	// if that position is no longer or not yet in the log, and ErrEnded, if it is the terminal
	// event's.
	Follow(ctx context.Context, after int64, news chan<- struct{}) (Cursor, error)
	// Cancel asks the owner to stop generating.
	Cancel(ctx context.Context) error
}

// Cursor is one reader's position in a log. It is for one goroutine.
type Cursor interface {
	// Take returns at once what has arrived since the last call, which may be nothing; if it
	// leaves something, it has sent on news for that. The batch's slice is the reader's until it
	// passes it back as spare; the data are shared by all readers and must not be changed. The
	// errors are ErrGone, if the log has dropped what comes next, ErrSlowReader, if the log gave
	// up this reader, and those of a store that cannot be reached.
	Take(spare []sse.Event) (Batch, error)
	// Close detaches the reader.
	Close()
}

// Batch is a piece of a log.
type Batch struct {
	First    int64 // the number of Events[0], or of what comes next
	Events   []sse.Event
	Terminal *Terminal // after the events, if the log ends there
}

// Outcome is how a generation ended.
type Outcome string

// The three outcomes of a generation.
const (
	OutcomeDone     Outcome = "done"
	OutcomeFailed   Outcome = "failed"
	OutcomeCanceled Outcome = "canceled"
)

// Terminal is the end of a stream: only with one is the stream whole.
type Terminal struct {
	Outcome Outcome
	Event   sse.Event     // says it in the stream's dialect
	Err     *apierr.Error // nil if done; a store keeps all of it but the cause

	// Prelude comes before Event, without numbers, where a dialect needs more than one event to
	// report a failure.
	Prelude []sse.Event
}

// eventCost is what a kept event takes in memory beside its data: two slice headers, and the room
// that slices and slabs keep.
const eventCost = 80

// size returns how many bytes an event brings.
func size(e sse.Event) int { return len(e.Data) + len(e.Name.String()) }

// cost returns how many bytes of memory a kept event counts as: tokens are small, and most of
// what they take is not their data.
func cost(e sse.Event) int { return size(e) + eventCost }

// ping wakes a reader, unless it has been woken and not looked since.
func ping(news chan<- struct{}) {
	select {
	case news <- struct{}{}:
	default: // a nil channel, where there is no reader, ends up here too
	}
}
