package stream

import (
	"context"
	"time"

	"penstock/sse"
)

// Sink takes a stream's events for one reader, one call at a time, though not always from the same
// goroutine. Each method reports whether the reader is still there: after false no call follows.
type Sink interface {
	// Notice takes what is not in the log. more says that the next call follows at once, so that
	// writing may wait for it.
	Notice(n Notice, more bool) bool
	// Events takes the next events of the log, of which the first has number `first`. Their
	// memory is not the sink's: it stays as it is only until Events returns. more is as Notice's.
	Events(events []sse.Event, first int64, more bool) bool
	// End takes the terminal event, which has that number. It is the last call.
	End(t Terminal, number int64) bool
	// Ready reports whether events of so many bytes in all, and a notice that may come before
	// them, can be taken without waiting for anything.
	Ready(size int) bool
}

// Notice is what a reader learns of a stream beside its events.
type Notice struct {
	Kind     NoticeKind
	Position int // in the queue, of Queued
}

// NoticeKind is the kind of a Notice.
type NoticeKind int

// Queued and Idle may come several times. Started comes once, before the first event.
const (
	Queued  NoticeKind = iota + 1 // the position in the queue, when it changes, at most once a second
	Started                       // the model works
	Idle                          // the reader has been sent nothing for as long as it set
)

// positionInterval is how often a position in the queue is reported at most.
const positionInterval = time.Second

// Serve passes a stream's events from after number `after` (0: from the start) to the sink, waiting
// for those to come, and returns nil after the terminal event or once the sink reports that the
// reader has left. Whenever nothing has been sent for `idle` the sink gets an Idle notice; 0 asks
// for none.
//
// The errors are the reader's own: the context's cause, ErrSlowReader, ErrUnsealed, an
// *apierr.Error with CodeGone (and ErrGone in it) if the log does not hold what comes next, or with
// CodeLogUnavailable if it cannot be read, or ErrEnded if nothing comes next because the reader has
// had the terminal event. That a stream failed is no error but its terminal event.
func (s *Stream) Serve(ctx context.Context, after int64, idle time.Duration, sink Sink) error {
	news := make(chan struct{}, 1)
	cursor, err := s.join(ctx, after, news)
	if err != nil {
		return readerError(ctx, err)
	}
	defer s.leave(cursor, news)
	d := &delivery{
		stream: s, cursor: cursor, news: news, sink: sink, idle: idle,
		mu: newLock(), started: after > 0, quiet: time.Now(),
	}
	defer d.close()
	if plain, ok := cursor.(*plainLog); ok {
		d.plain = plain
		plain.connect(&handover{d})
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var armed time.Time // when the timer will fire; it is reset only to fire earlier
	for {
		wake, over, err := d.deliver(ctx)
		if over || err != nil {
			return err
		}
		if armed.IsZero() || wake.Before(armed) {
			timer.Reset(time.Until(wake))
			armed = wake
		}
		select {
		case <-news:
		case <-timer.C:
			armed = time.Time{}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// delivery is one run of Serve: what its reader has been sent. The producer may send to the sink
// too, through a handover.
type delivery struct {
	stream *Stream
	cursor Cursor
	plain  *plainLog // the cursor, of a plain stream
	news   chan struct{}
	idle   time.Duration

	mu       lock // guards the rest, and the sink
	sink     Sink
	gone     bool  // the sink takes no more
	broken   error // why, if it panicked while the producer sent to it
	spare    []sse.Event
	started  bool      // Started has been sent, now or on an earlier connection
	position int       // last sent
	sentAt   time.Time // when it was
	quiet    time.Time // since when nothing has been sent
}

// deliver sends what there is to send, and returns when to look again if nothing happens before.
// over: that was the end, or the reader has left.
func (d *delivery) deliver(ctx context.Context) (wake time.Time, over bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return wake, true, d.broken
	}
	// Under the lock, so that no reader learns of an earlier state after a later one.
	now, position, unsealed := d.stream.look()
	b, err := d.cursor.Take(d.spare)
	if err != nil {
		return wake, true, readerError(ctx, err)
	}
	d.spare = b.Events
	if position > 0 && position != d.position && (d.sentAt.IsZero() || time.Since(d.sentAt) >= positionInterval) {
		d.position, d.sentAt = position, time.Now()
		d.notice(Notice{Kind: Queued, Position: position}, false)
	}
	// A reader that was queued learns at once that it waits no longer; others with the first event.
	if len(b.Events) > 0 || d.position > 0 && now == stateRunning {
		d.start(len(b.Events) > 0)
	}
	d.events(b.Events, b.First, b.Terminal != nil)
	if d.plain != nil && len(b.Events) > 0 {
		clear(b.Events) // a large one must not be held until the next comes
		d.plain.sent()
	}
	switch {
	case d.gone:
		return wake, true, nil
	case b.Terminal != nil:
		if d.gone = !d.sink.End(*b.Terminal, b.First+int64(len(b.Events))); !d.gone {
			d.stream.streams.taken(d.stream)
		}
		return wake, true, nil
	case unsealed && len(b.Events) == 0:
		return wake, true, ErrUnsealed
	case unsealed:
		ping(d.news) // there may be more events
	}
	if d.idle > 0 && time.Since(d.quiet) >= d.idle {
		d.notice(Notice{Kind: Idle}, false)
	}
	return d.wake(position > 0), d.gone, nil
}

// wake returns when to look again without news: for the next heartbeat, or, in the queue, for the
// position. The caller holds d.mu.
func (d *delivery) wake(queued bool) time.Time {
	wake := time.Now().Add(time.Hour) // nothing is due
	if d.idle > 0 {
		wake = d.quiet.Add(d.idle)
	}
	if queued {
		if look := time.Now().Add(positionInterval); look.Before(wake) {
			wake = look
		}
	}
	return wake
}

// start sends Started, once. The caller holds d.mu.
func (d *delivery) start(more bool) {
	if !d.started {
		d.started = true
		d.notice(Notice{Kind: Started}, more)
	}
}

// notice sends a notice, unless the reader has left. The caller holds d.mu.
func (d *delivery) notice(n Notice, more bool) {
	if !d.gone {
		d.sent(d.sink.Notice(n, more), more)
	}
}

// events sends events, unless there are none or the reader has left. The caller holds d.mu.
func (d *delivery) events(events []sse.Event, first int64, more bool) {
	if len(events) > 0 && !d.gone {
		d.sent(d.sink.Events(events, first, more), more)
	}
}

// sent notes the sink's answer to what it was sent; the silence before the next event counts from
// here.
func (d *delivery) sent(stays, more bool) {
	d.gone = !stays
	if !more {
		d.quiet = time.Now()
	}
}

// close keeps the producer from the sink from now on.
func (d *delivery) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
}
