package upstream

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Why a watchdog cancels a request.
var (
	errConnect       = errors.New("no connection in time")
	errFirstToken    = errors.New("no first token in time")
	errBetweenTokens = errors.New("nothing in time, in the middle of a response")
	errWhole         = errors.New("no response in time")
	errTotal         = errors.New("no complete response in time")
	errNoEnd         = errors.New("the response is complete, but did not end in time")
)

// watchdog cancels a request when its time is over: a period ends at a fixed time (deadline), or
// when no byte has arrived for too long (silence). How long that is, and why it cancels, changes in
// the course of the request. It also notifies of shorter silence, which ends nothing.
//
// Its timer is not reset for each byte: when it fires, it checks when the last one arrived.
type watchdog struct {
	cancel context.CancelCauseFunc
	unlink func() bool // from the caller's context
	begin  time.Time
	last   atomic.Int64 // when a byte arrived last, after begin
	paused atomic.Bool

	mu      sync.Mutex
	timer   *time.Timer
	since   time.Duration // when the period began, after begin
	limit   time.Duration
	silence bool // a byte begins the period again
	cause   error
	stopped bool

	quiet    time.Duration // call silent after that much silence; 0: never
	silent   func()
	notified time.Duration // when silent was called last, after begin
}

// newWatchdog returns a watchdog that is running with a deadline, and the context that it cancels,
// which ends with ctx too. The caller calls stop.
func newWatchdog(ctx context.Context, limit time.Duration, cause error) (context.Context, *watchdog) {
	caller := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &watchdog{cancel: cancel, begin: time.Now(), limit: limit, cause: cause}
	w.unlink = context.AfterFunc(caller, func() { cancel(context.Cause(caller)) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit, w.check)
	return ctx, w
}

// notify calls silent whenever no byte has arrived for that long; 0: never.
func (w *watchdog) notify(quiet time.Duration, silent func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet, w.silent = quiet, silent
	w.arm()
}

// deadline starts another period, which ends after limit, whatever arrives.
func (w *watchdog) deadline(limit time.Duration, cause error) { w.period(limit, cause, false) }

// set starts another period, which ends when nothing has arrived for as long as limit.
func (w *watchdog) set(limit time.Duration, cause error) { w.period(limit, cause, true) }

func (w *watchdog) period(limit time.Duration, cause error, silence bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.limit, w.cause, w.silence = time.Since(w.begin), limit, cause, silence
	w.arm()
}

// detach lets the request continue, for as long as limit, when the caller's context ends.
func (w *watchdog) detach(limit time.Duration) {
	w.unlink()
	w.deadline(limit, errNoEnd)
}

// touch notes that a byte has arrived.
func (w *watchdog) touch() { w.last.Store(int64(time.Since(w.begin))) }

// pause stops the clocks while what has arrived is passed on, which may wait for the client. The
// caller calls resume.
func (w *watchdog) pause() { w.paused.Store(true) }

// resume starts the clocks again, from now.
func (w *watchdog) resume() {
	w.touch()
	w.paused.Store(false)
}

// check does what is due.
func (w *watchdog) check() {
	w.mu.Lock()
	period, quiet := w.left()
	var silent func()
	switch {
	case w.stopped:
	case period <= 0:
		w.cancel(w.cause)
	case quiet <= 0:
		w.notified, silent = time.Since(w.begin), w.silent
		w.arm()
	default:
		w.arm()
	}
	w.mu.Unlock()
	if silent != nil {
		silent() // it may stop this watchdog
	}
}

// arm sets the timer to what is due next.
func (w *watchdog) arm() {
	if !w.stopped {
		w.timer.Reset(max(0, min(w.left())))
	}
}

// left returns how long the period lasts, and how long no notification is due, if nothing arrives.
func (w *watchdog) left() (period, quiet time.Duration) {
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
	if w.quiet > 0 && w.cause != errNoEnd { //nolint:errorlint // it is that one
		quiet = w.quiet - (now - max(last, w.notified))
	}
	return period, quiet
}

// stop stops the watchdog, and cancels the request if it has not ended.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.unlink()
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// touching is a body whose every read is a sign of life, whatever has been read.
type touching struct {
	io.ReadCloser
	watchdog *watchdog
}

// Read implements io.Reader.
func (t touching) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.watchdog.touch()
	}
	return n, err
}
