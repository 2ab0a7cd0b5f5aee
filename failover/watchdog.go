package failover

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Watchdog cancels a request to a server when its time is over: a period ends at a fixed time
// (Deadline), or when no byte has arrived for too long (Set). How long that is, and why it
// cancels, changes in the course of the request. It also notifies its sequence of shorter silence,
// which ends nothing. Its methods may be called from many goroutines.
//
// Its timer is not reset for each byte: when it fires, it checks when the last one arrived.
type Watchdog struct {
	sequence *Sequence
	cancel   context.CancelCauseFunc
	unlink   func() bool // from the caller's context
	begin    time.Time
	last     atomic.Int64 // when a byte arrived last, after begin
	paused   atomic.Bool

	mu      sync.Mutex
	timer   *time.Timer
	since   time.Duration // when the period began, after begin
	limit   time.Duration
	silence bool // a byte begins the period again
	cause   Timeout
	stopped bool

	quiet    time.Duration // notify the sequence after that much silence; 0: never
	notified time.Duration // when that was last, after begin
}

// Watch returns the watchdog of a request to the sequence's server, which is running, and the
// context that it cancels, which ends with ctx too. The server must accept a connection within
// connect. The caller calls Stop.
func (q *Sequence) Watch(ctx context.Context, connect time.Duration) (context.Context, *Watchdog) {
	caller := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &Watchdog{sequence: q, cancel: cancel, begin: time.Now(), limit: connect, cause: NoConnection, quiet: q.patience()}
	w.unlink = context.AfterFunc(caller, func() { cancel(context.Cause(caller)) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(connect, w.check)
	w.arm()
	return ctx, w
}

// Deadline starts another period, which ends after limit, whatever arrives.
func (w *Watchdog) Deadline(limit time.Duration, cause Timeout) { w.period(limit, cause, false) }

// Set starts another period, which ends when nothing has arrived for as long as limit.
func (w *Watchdog) Set(limit time.Duration, cause Timeout) { w.period(limit, cause, true) }

func (w *Watchdog) period(limit time.Duration, cause Timeout, silence bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.limit, w.cause, w.silence = time.Since(w.begin), limit, cause, silence
	w.arm()
}

// Detach lets the request continue, for as long as limit, when the caller's context ends.
func (w *Watchdog) Detach(limit time.Duration) {
	w.unlink()
	w.Deadline(limit, NoEnd)
}

// Touch notes that a byte has arrived.
func (w *Watchdog) Touch() { w.last.Store(int64(time.Since(w.begin))) }

// Pause stops the clocks while what has arrived is passed on, which may wait for the client. The
// caller calls Resume.
func (w *Watchdog) Pause() { w.paused.Store(true) }

// Resume starts the clocks again, from now.
func (w *Watchdog) Resume() {
	w.Touch()
	w.paused.Store(false)
}

// check does what is due.
func (w *Watchdog) check() {
	w.mu.Lock()
	period, quiet := w.left()
	notify := false
	switch {
	case w.stopped:
	case period <= 0:
		w.cancel(exceeded{w.cause, w.limit})
	case quiet <= 0:
		w.notified, notify = time.Since(w.begin), true
		w.arm()
	default:
		w.arm()
	}
	w.mu.Unlock()
	if notify {
		w.sequence.silent() // it may stop this watchdog
	}
}

// arm sets the timer to what is due next.
func (w *Watchdog) arm() {
	if !w.stopped {
		w.timer.Reset(max(0, min(w.left())))
	}
}

// left returns how long the period lasts, and how long no notification is due, if nothing arrives.
func (w *Watchdog) left() (period, quiet time.Duration) {
	now := time.Since(w.begin)
	last := now
	if !w.paused.Load() { // before last, which is set before
		last = time.Duration(w.last.Load())
	}
	since := w.since
	if w.silence {
		since = max(since, last)
	}
	period, quiet = w.limit-(now-since), math.MaxInt64
	if w.quiet > 0 && w.cause != NoEnd {
		quiet = w.quiet - (now - max(last, w.notified))
	}
	return period, quiet
}

// Stop stops the watchdog, and cancels the request if it has not ended.
func (w *Watchdog) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.unlink()
	w.timer.Stop()
	w.cancel(context.Canceled)
}
