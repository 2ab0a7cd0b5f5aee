package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// Sink takes a stream's events, one call at a time, though not always from the same goroutine.
type Sink interface {
	// Event takes the next event, unless that is a chunk. more says that the next call is at hand, so that writing may wait
	// for it. Event returns false if the reader has left; nothing more comes then.
	Event(e Event, more bool) bool
	// Chunks takes the next chunks, of which the first has number `first`. Their memory is not the sink's: it stays as it is
	// only until Chunks returns. more and the result are as Event's.
	Chunks(chunks []Encoded, first int64, more bool) bool
	// Ready tells whether chunks of so many bytes in all, and an event of another kind that may come before them or, if size
	// is 0, alone, can be taken now without waiting for anybody.
	Ready(size int) bool
}

// Serve hands a stream's events to a sink, as Follow yields them, and returns after the last one, or with the reader's own
// error, or with nil once the sink says that the reader has left.
//
// As long as the sink is ready, a plain stream's producer hands it its chunks itself: that saves the way through another
// goroutine, most of what relaying a chunk costs beside its system calls. A sink that is not ready never holds it up: the
// chunks go into the log, and are handed over from there.
func (s *Stream) Serve(ctx context.Context, after int64, idle time.Duration, sink Sink) error {
	news := make(chan struct{}, 1)
	r, err := s.join(after, news)
	if err != nil {
		return readerError(err)
	}
	defer s.leave(r, news)
	f := &follower{stream: s, log: r, news: news, mu: newTurn(), sink: sink, idle: idle, started: after > 0, quiet: time.Now()}
	f.lag, f.leave = func() {}, func() { ping(news) }
	if plain, ok := r.(*plainLog); ok {
		plain.shortcut(f.direct)
	}
	defer f.close()
	if produce := s.take(); produce != nil {
		return f.perform(ctx, produce)
	}
	return f.follow(ctx)
}

// follower is one run of Serve.
type follower struct {
	stream *Stream
	log    LogReader
	news   chan struct{}
	idle   time.Duration
	lag    func() // answers that chunks have to go into the log
	leave  func() // answers that the sink takes no more, whoever finds out

	mu       turn // of what stands below: the producer may hand over events as well
	sink     Sink
	gone     bool  // the sink takes no more
	broken   error // a panic of the sink's
	over     bool  // the terminal event has been handed over
	spare    []Encoded
	started  bool      // told, or told to this reader on an earlier connection
	waits    bool      // the stream stood in line when last looked at
	position int       // told last
	told     time.Time // when
	quiet    time.Time // since when nothing has been handed over
}

// turn is a mutex that virtual time can see through: a sink may take its time, and who waits for it meanwhile is idle.
// Taking a turn that is free costs one atomic operation: that is done for each chunk.
type turn struct {
	taken atomic.Bool
	given chan struct{} // holds one token at most, put there by who gives the turn back
}

func newTurn() turn { return turn{given: make(chan struct{}, 1)} }

func (t *turn) TryLock() bool { return t.taken.CompareAndSwap(false, true) }

func (t *turn) Lock() {
	for !t.TryLock() {
		<-t.given
	}
}

func (t *turn) Unlock() {
	t.taken.Store(false)
	ping(t.given)
}

// follow waits for events and hands them over.
func (f *follower) follow(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var armed time.Time // when the timer will fire; it is set anew only to fire earlier, or after it has fired
	for {
		if over, err := f.tell(); over || err != nil {
			return err
		}
		wake, _ := f.nextWake()
		if armed.IsZero() || wake.Before(armed) {
			timer.Reset(time.Until(wake))
			armed = wake
		}
		select {
		case <-f.news:
		case <-timer.C:
			armed = time.Time{}
			f.beat()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// direct hands over chunks for the producer, if that can be done at once. The log calls it while it holds nothing that
// the reader has not taken.
func (f *follower) direct(chunks []Encoded, first int64) bool {
	if !f.mu.TryLock() {
		f.lag()
		return false
	}
	defer f.mu.Unlock()
	bytes := 0
	for _, c := range chunks {
		bytes += size(c)
	}
	switch {
	case f.gone:
		return false
	case !f.sink.Ready(bytes):
		f.lag()
		return false
	}
	f.start(true)
	f.hand(chunks, first, false)
	return true
}

// close keeps the producer from the sink from now on.
func (f *follower) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
}

// tell hands over where in line the stream is and what the log has brought. over: that was the end, or the reader has left.
func (f *follower) tell() (over bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.report()
}

// tellNow is tell for the producer, who may hold a permit and waits for nobody. It tells whether that was possible, and when
// to look again.
func (f *follower) tellNow() (wake time.Time, told bool) {
	if !f.mu.TryLock() {
		return wake, false
	}
	defer f.mu.Unlock()
	if !f.gone && !f.sink.Ready(0) {
		return wake, false
	}
	_, _ = f.report() // an error is found again by who hands over the end
	return f.wake(), true
}

// report is tell. The caller holds f.mu.
func (f *follower) report() (over bool, err error) {
	if f.gone || f.over {
		return true, nil
	}
	state, position := f.stream.look() // in turn: nobody is told of an earlier state after a later one
	f.waits = state == streamQueued
	b, err := f.log.Take(f.spare)
	if err != nil {
		return true, readerError(err)
	}
	f.spare = b.Chunks
	if position > 0 && position != f.position && (f.told.IsZero() || time.Since(f.told) >= positionPause) {
		f.position, f.told = position, time.Now()
		f.say(Event{Kind: EventQueued, Position: position}, false)
	}
	// Who was told to wait hears at once that the waiting is over; others with the first chunk.
	if len(b.Chunks) > 0 || (f.position > 0 && state == streamRunning) {
		f.start(len(b.Chunks) > 0)
	}
	f.hand(b.Chunks, b.First, b.Terminal != nil)
	if b.Terminal == nil {
		return f.gone, nil
	}
	last := Event{Kind: EventDone, Seq: b.First + int64(len(b.Chunks)), End: b.Terminal.End}
	if b.Terminal.Err != nil {
		last.Kind, last.Err = EventFailed, b.Terminal.Err
	}
	f.say(last, false)
	f.over = true
	if !f.gone {
		f.stream.verb.model.engine.heard(f.stream)
	}
	return true, nil
}

// start tells, once, that the model works. The caller holds f.mu.
func (f *follower) start(more bool) {
	if !f.started {
		f.started = true
		f.say(Event{Kind: EventStarted}, more)
	}
}

// beat hands over a heartbeat, if one is due.
func (f *follower) beat() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle > 0 && time.Since(f.quiet) >= f.idle {
		f.say(Event{Kind: EventIdle}, false)
	}
}

// say hands over one event, unless the reader has left. The caller holds f.mu.
func (f *follower) say(e Event, more bool) {
	if !f.gone {
		f.said(f.sink.Event(e, more), more)
	}
}

// hand hands over chunks, unless there are none or the reader has left. The caller holds f.mu.
func (f *follower) hand(chunks []Encoded, first int64, more bool) {
	if len(chunks) > 0 && !f.gone {
		f.said(f.sink.Chunks(chunks, first, more), more)
	}
}

// said notes what the sink said to what it was handed; the silence before the next event counts from here.
func (f *follower) said(stays, more bool) {
	if f.gone = !stays; f.gone {
		f.leave()
	}
	if !more {
		f.quiet = time.Now()
	}
}

// nextWake says when to look again without news: for the next heartbeat, or, if the stream waits, for its place in line.
func (f *follower) nextWake() (wake time.Time, waits bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wake(), f.waits
}

// wake is nextWake. The caller holds f.mu.
func (f *follower) wake() time.Time {
	wake := f.quiet.Add(time.Hour)
	if f.idle > 0 {
		wake = f.quiet.Add(f.idle)
	}
	if f.waits {
		if look := time.Now().Add(positionPause); look.Before(wake) {
			wake = look
		}
	}
	return wake
}
