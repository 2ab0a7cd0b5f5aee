package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"penstock/apierr"
	"penstock/engine/internal/gate"
)

// DefaultBuffer is how many bytes of memory a stream keeps chunks in when StreamOptions names none.
const DefaultBuffer = 4 << 20

// StreamOptions says how long a stream lives without readers, and how much it keeps for them. The zero value is a plain
// stream: it has one reader, and when he leaves it ends.
type StreamOptions struct {
	Buffer int // bytes of memory for chunks that are kept; 0: DefaultBuffer

	// Lease makes the stream one that readers may come back to, and several may read: it keeps its chunks, the oldest of
	// which go when the buffer is full, and this long without any reader ends it, and after its end, forgets it.
	Lease time.Duration
	// Attached lets a plain stream begin with its reader, in the reader's own goroutine, which is cheaper: who starts one must
	// Serve or Follow it, whatever happens.
	Attached bool
	// Detached lets a stream with a Lease run to its end without readers; the Lease counts from its end, whoever reads.
	Detached bool
}

// Stream is one generation: a log with one producer and readers at places of their own. All methods may be called from
// any goroutine. The producer is never slowed by a reader.
type Stream struct {
	id      string
	verb    *Verb
	options StreamOptions
	log     Log
	cancel  context.CancelCauseFunc // of the producer

	lastChunk time.Time // or the stream's beginning; the producer's own
	begun     bool      // there has been a chunk; the producer's own

	mu      sync.Mutex
	state   streamState
	waiter  *gate.Waiter // while queued
	produce func()       // of an attached stream that has not begun
	changed func()       // called when state or waiter have changed; may be nil
	readers map[chan struct{}]struct{}
	joined  bool        // there has been a reader
	lease   *time.Timer // nil while no lease runs
	leases  int         // how many have begun
	expired bool        // the lease has run out
}

type streamState int

const (
	streamQueued streamState = iota
	streamRunning
	streamOver
)

// startStream runs produce, in a goroutine that the engine waits for or in the reader's. It takes over the call's place.
func startStream(ctx context.Context, c *Call, o StreamOptions, produce func(context.Context, *Stream) (End, error)) (*Stream, error) {
	e := c.verb.model.engine
	if o.Buffer <= 0 {
		o.Buffer = DefaultBuffer
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &Stream{id: newID(), verb: c.verb, options: o, cancel: cancel, lastChunk: time.Now(), readers: map[chan struct{}]struct{}{}}
	if o.Lease > 0 {
		s.log = e.logs.Create(s.id, o.Buffer)
	} else {
		s.log = newPlainLog(o.Buffer)
	}
	if err := e.adopt(s); err != nil {
		cancel(err)
		s.log.Drop()
		return nil, err
	}
	c.over = true
	c.verb.model.streams.Add(1)
	work := func() {
		defer e.end()
		defer cancel(ErrStreamOver)
		var end End
		err := guard(func() (err error) { end, err = produce(ctx, s); return err })
		if err == nil && end.reason == "" {
			err = ErrNoEnd
		}
		c.place.Leave() // before anybody hears the end, and asks again
		s.finish(ctx, end, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count()
	if o.Attached && o.Lease <= 0 {
		s.produce = work
	} else {
		go work()
	}
	return s, nil
}

// take returns the work of an attached stream, once, to whoever does it; nil if it is being done.
func (s *Stream) take() func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	work := s.produce
	s.produce = nil
	return work
}

// onChange lets f be called whenever the producer joins the line, or gets its permit.
func (s *Stream) onChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = f
}

// newID returns 128 random bits in hexadecimal: whoever knows a stream's id may read it.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ID returns the stream's name, which cannot be guessed and is the right to read it.
func (s *Stream) ID() string { return s.id }

// Model returns the name of the model that writes.
func (s *Stream) Model() string { return s.verb.model.name }

// Verb returns the name of the verb that writes.
func (s *Stream) Verb() string { return s.verb.name }

// Resumable tells whether readers may come back to the stream.
func (s *Stream) Resumable() bool { return s.options.Lease > 0 }

// Cancel ends the generation, unless it is over: nobody wants it any more. It does not wait.
func (s *Stream) Cancel() { s.cancel(ErrNobodyReads) }

// wait notes where in line the producer is.
func (s *Stream) wait(w *gate.Waiter) { s.change(streamQueued, w) }

// run notes that the producer has its permit.
func (s *Stream) run() { s.change(streamRunning, nil) }

func (s *Stream) change(to streamState, w *gate.Waiter) {
	s.mu.Lock()
	s.state, s.waiter = to, w
	s.wake()
	changed := s.changed
	s.mu.Unlock()
	if changed != nil {
		changed()
	}
}

// wake tells all readers to look. The caller holds s.mu.
func (s *Stream) wake() {
	for news := range s.readers {
		ping(news)
	}
}

// append adds chunks that came together. It fails once the log gives up.
func (s *Stream) append(chunks []Encoded) error {
	if err := s.log.Append(chunks); err != nil {
		s.cancel(err)
		return err
	}
	now := time.Now()
	s.verb.model.observer.Chunks(len(chunks), !s.begun, now.Sub(s.lastChunk))
	s.lastChunk, s.begun = now, true
	return nil
}

// finish writes the terminal event.
func (s *Stream) finish(ctx context.Context, end End, err error) {
	outcome, terminal := OutcomeDone, Terminal{End: end}
	if err != nil {
		// A producer that was told to stop may say so in words of its own; why it was told counts.
		if ctx.Err() != nil {
			err = canceled(context.Cause(ctx))
		}
		terminal = Terminal{Err: apierr.From(err)}
		outcome = OutcomeFailed
		if terminal.Err.Code == apierr.CodeCanceled {
			outcome = OutcomeCanceled
		}
		err = terminal.Err
	}
	// Who has heard the end finds it counted, and its place free.
	s.verb.model.streams.Add(-1)
	s.verb.model.engine.release()
	s.verb.model.observer.StreamClosed(outcome, end.usage, err)
	if s.Resumable() && outcome != OutcomeCanceled {
		s.verb.model.engine.ended(s)
	}
	s.log.Seal(terminal)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.waiter = streamOver, nil
	s.wake()
	s.count()
}

// join attaches a reader that goes on after number `after`; it is pinged through news.
func (s *Stream) join(after int64, news chan struct{}) (LogReader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.log.Follow(after, news)
	if err != nil {
		return nil, err
	}
	s.readers[news], s.joined = struct{}{}, true
	s.verb.model.engine.readers.Add(1)
	if after > 0 {
		s.verb.model.observer.Resumed()
	}
	s.count()
	return r, nil
}

// leave detaches a reader.
func (s *Stream) leave(r LogReader, news chan struct{}) {
	r.Close()
	s.verb.model.engine.readers.Add(-1)
	ping(s.verb.model.engine.left)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, news)
	s.count()
}

// look says where the producer is, for a reader that has just been pinged.
func (s *Stream) look() (state streamState, position int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiter != nil {
		position = s.waiter.Position()
	}
	return s.state, position
}
