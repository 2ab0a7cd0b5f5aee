package upstream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Why a watchdog cancels a request.
var (
	errConnect       = errors.New("no connection in time")
	errFirstToken    = errors.New("no first token in time")
	errBetweenTokens = errors.New("no further token in time")
	errWhole         = errors.New("no response in time")
	errTotal         = errors.New("no complete response in time")
	errNoEnd         = errors.New("the response is complete, but did not end in time")
)

// watchdog cancels a request when nothing has arrived for too long. How long that is, and why it
// cancels, changes in the course of the request. Its timer is not reset for each event: when it
// fires, it checks when the last one arrived.
type watchdog struct {
	cancel context.CancelCauseFunc
	unlink func() bool // from the caller's context

	mu      sync.Mutex
	timer   *time.Timer
	since   time.Time // when something arrived last
	limit   time.Duration
	cause   error
	stopped bool
	paused  atomic.Bool // the client is waited for, not the server
}

// newWatchdog returns a watchdog that is running, and the context that it cancels, which ends with
// ctx too. The caller calls stop.
func newWatchdog(ctx context.Context, limit time.Duration, cause error) (context.Context, *watchdog) {
	caller := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &watchdog{cancel: cancel, since: time.Now(), limit: limit, cause: cause}
	w.unlink = context.AfterFunc(caller, func() { cancel(context.Cause(caller)) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit, w.check)
	return ctx, w
}

// set starts another period, in which something must arrive within the limit.
func (w *watchdog) set(limit time.Duration, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	w.since, w.limit, w.cause = time.Now(), limit, cause
	w.timer.Reset(limit)
}

// detach lets the request continue, for as long as limit, when the caller's context ends.
func (w *watchdog) detach(limit time.Duration) {
	w.unlink()
	w.set(limit, errNoEnd)
}

// touch notes that something has arrived.
func (w *watchdog) touch() {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = now
}

// pause stops the clock while what has arrived is passed on, which may wait for the client.
func (w *watchdog) pause() { w.paused.Store(true) }

// resume starts the clock again.
func (w *watchdog) resume() {
	w.touch()
	w.paused.Store(false)
}

func (w *watchdog) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if w.paused.Load() {
		w.timer.Reset(w.limit)
		return
	}
	if left := w.limit - time.Since(w.since); left > 0 {
		w.timer.Reset(left)
		return
	}
	w.cancel(w.cause)
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
