package stream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"penstock/apierr"
	"penstock/sse"
)

// DefaultBuffer is how many bytes of memory a stream keeps events in when Config names none.
const DefaultBuffer = 4 << 20

// Config says what a new stream is, how long it lives without readers, and how much it keeps for
// them. Without a Lease it is a plain stream: it has one reader, and is canceled when that leaves.
type Config struct {
	Info
	Caller string // whose stream it is
	Buffer int    // bytes of memory for events that are kept; 0: DefaultBuffer

	// Lease makes the stream one that readers may come back to, and that several may read: it
	// keeps its events, of which the oldest are dropped when the buffer is full. A generation is
	// canceled when it has had no reader for this long, and deleted this long after its end.
	Lease time.Duration
	// Detached lets a stream with a Lease run to its end without readers; the Lease counts from
	// its end, whether it is read or not.
	Detached bool

	// Waits lets the reader of a plain stream hold its producer up: Append waits while the buffer
	// is full, and the reader may be as slow as its sink allows. Without it a reader that lags by
	// more than the buffer is given up. A stream with a Lease never waits for a reader.
	Waits bool

	Observer Observer // nil: none

	// Absent is called when what Stream.Absent reports has changed. Calls for one stream may come
	// at once and in any order: what counts is what it reports during the last one. It returns
	// quickly; nil: it is not called.
	Absent func(*Stream)
}

// Observer is notified of what happens to a stream. Its methods return quickly.
type Observer interface {
	// Chunks is called when n events have been appended that came together. wait is how long the
	// first of them took: since the events before, or, if first, since the stream was created.
	Chunks(n int, first bool, wait time.Duration)
	// Resumed is called when a reader comes back and goes on where it was.
	Resumed()
}

// Stream is one generation as its readers see it: a log with one producer, on this machine or
// another, and readers at positions of their own. Its methods may be called from any goroutine.
// No reader slows the producer down, but for the only one of a plain stream that Waits.
type Stream struct {
	id      string
	info    Info
	streams *Streams
	view    View

	// The rest is zero where another process produces the stream.
	log    Log
	config Config
	cancel context.CancelCauseFunc // of the producer

	mu       sync.Mutex
	state    state
	position func() int // in the queue; nil unless queued
	readers  map[chan struct{}]struct{}
	unsealed bool          // its end could not be stored
	timer    *time.Timer   // of the lease; nil while that does not run
	leases   int           // how many have begun
	absent   bool          // the generation runs, and the lease too: its reader has gone
	expired  bool          // the lease has run out
	dropped  bool          // the log is being dropped, or has been
	gone     chan struct{} // closed once it has been
}

type state int

const (
	stateQueued state = iota
	stateRunning
	stateEnded
)

// Create returns the producer of a new stream, which the caller ends with Producer.End, and the
// context of the generation: it has the values of ctx, and ends only when the generation is no
// longer wanted.
// The errors are *apierr.Error: CodeQueueFull if too many streams are open, CodeLogUnavailable if
// the log cannot be created, and what Cancel was given.
func (s *Streams) Create(ctx context.Context, c Config) (context.Context, *Producer, error) {
	if c.Buffer <= 0 {
		c.Buffer = DefaultBuffer
	}
	if c.Observer == nil {
		c.Observer = noObserver{}
	}
	producing, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stream := &Stream{
		id: newID(), info: c.Info, streams: s, config: c, cancel: cancel,
		readers: map[chan struct{}]struct{}{}, gone: make(chan struct{}),
	}
	if err := s.admit(stream); err != nil {
		cancel(err)
		return nil, nil, err
	}
	log, err := s.createLog(ctx, stream)
	if err != nil {
		cancel(err)
		s.release()
		s.remove(stream)
		return nil, nil, unavailable(fmt.Errorf("create the log: %w", err))
	}
	stream.mu.Lock()
	stream.log, stream.view = log, log
	stream.mu.Unlock()
	stream.settle()
	return producing, &Producer{stream: stream, log: log, next: 1, last: time.Now()}, nil
}

func (s *Streams) createLog(ctx context.Context, stream *Stream) (Log, error) {
	c := stream.config
	if c.Lease <= 0 {
		return newPlainLog(c, stream, s.budget.Account(c.Caller)), nil
	}
	return s.logs.Create(ctx, stream.id, LogConfig{Info: c.Info, Caller: c.Caller, Buffer: c.Buffer, Lease: c.Lease}, stream)
}

// newID returns 128 random bits in hexadecimal: knowing a stream's id is the right to read it.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ID returns the stream's id, which cannot be guessed and is the right to read it.
func (s *Stream) ID() string { return s.id }

// Info returns what the stream is.
func (s *Stream) Info() Info { return s.info }

// Resumable reports whether readers may come back to the stream.
func (s *Stream) Resumable() bool { return s.log == nil || s.config.Lease > 0 }

// Cancel ends the generation if it runs in this process. It implements Owner, and does not wait.
func (s *Stream) Cancel(cause error) { s.cancel(cause) }

// Stop ends the generation, wherever it runs, as no longer wanted. It does not wait for its end.
func (s *Stream) Stop(ctx context.Context) error {
	if s.cancel != nil {
		s.cancel(ErrNoReader)
		return nil
	}
	if err := s.view.Cancel(ctx); err != nil {
		return unavailable(fmt.Errorf("cancel the generation: %w", err))
	}
	return nil
}

// join attaches a reader that goes on after number `after`; it is pinged through news.
func (s *Stream) join(ctx context.Context, after int64, news chan struct{}) (Cursor, error) {
	s.attach(news)
	cursor, err := s.view.Follow(ctx, after, news)
	if err != nil {
		s.detach(news)
		return nil, err
	}
	s.streams.joined()
	if after > 0 && s.log != nil {
		s.config.Observer.Resumed()
	}
	return cursor, nil
}

// leave detaches a reader.
func (s *Stream) leave(cursor Cursor, news chan struct{}) {
	cursor.Close()
	s.detach(news)
	s.streams.left()
}

func (s *Stream) attach(news chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers != nil {
		s.readers[news] = struct{}{}
	}
}

func (s *Stream) detach(news chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, news)
}

// look returns what is known of the producer: its state, its position in the queue (0: it has
// none), and whether its end could not be stored.
func (s *Stream) look() (now state, position int, unsealed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.position != nil {
		position = s.position()
	}
	return s.state, position, s.unsealed
}

// change sets the state and wakes all readers.
func (s *Stream) change(to state, position func() int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.position = to, position
	for news := range s.readers {
		ping(news)
	}
}

// Producer is the writing side of a stream. It is for one goroutine.
type Producer struct {
	stream *Stream
	log    Log
	next   int64     // the number of the next event
	last   time.Time // when the last events were appended, or the stream created
}

// Stream returns the stream as its readers see it.
func (p *Producer) Stream() *Stream { return p.stream }

// Queued notes that the generation waits for a permit; position returns its position in the queue.
func (p *Producer) Queued(position func() int) { p.stream.change(stateQueued, position) }

// Running notes that the generation has its permit.
func (p *Producer) Running() { p.stream.change(stateRunning, nil) }

// Append adds events that came together; slice and data are the caller's again when it returns.
// It fails once no reader can get them any more, and then cancels the generation: with ErrNoReader,
// ErrSlowReader, the context's cause, or an *apierr.Error, which has CodeLogUnavailable if the log
// cannot be written. It waits for the reader of a stream that Waits, for no longer than ctx and the
// reader last.
func (p *Producer) Append(ctx context.Context, events []sse.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := p.log.Append(ctx, p.next, events); err != nil {
		return p.fail(ctx, err)
	}
	now := time.Now()
	p.stream.config.Observer.Chunks(len(events), p.next == 1, now.Sub(p.last))
	p.last = now
	p.next += int64(len(events))
	return nil
}

// Flush returns once everything appended is stored: only then is a stream complete. It fails as
// Append does.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.log.Flush(ctx); err != nil {
		return p.fail(ctx, err)
	}
	return nil
}

// fail cancels the generation because of what its log returned, and returns why. A store has errors
// of its own.
func (p *Producer) fail(ctx context.Context, err error) error {
	_, coded := errors.AsType[*apierr.Error](err)
	switch {
	case coded, errors.Is(err, ErrNoReader), errors.Is(err, ErrSlowReader):
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = unavailable(fmt.Errorf("write the log: %w", err))
	}
	p.stream.cancel(err)
	return err
}

// End seals the stream. If that fails, its readers are cut off without a terminal event, after the
// events that the log has.
func (p *Producer) End(ctx context.Context, t Terminal) {
	s := p.stream
	s.streams.release()
	if s.config.Lease > 0 && t.Outcome != OutcomeCanceled {
		s.streams.ending(s)
	}
	err := p.log.Seal(context.WithoutCancel(ctx), t)
	if err != nil {
		s.mu.Lock()
		s.unsealed = true
		s.mu.Unlock()
		s.streams.taken(s) // no reader will take its end
	}
	s.cancel(ErrFinished)
	s.change(stateEnded, nil)
	s.settle() //nolint:contextcheck // what it does in the store outlives the generation
	if s.config.Lease <= 0 {
		return
	}
	if oldest := s.streams.keep(s); oldest != nil {
		oldest.retire() //nolint:contextcheck // as above
	}
}

type noObserver struct{}

func (noObserver) Chunks(int, bool, time.Duration) {}
func (noObserver) Resumed()                        {}
