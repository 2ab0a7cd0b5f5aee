package upstream

import (
	"context"
	"errors"
	"sync"
	"time"
)

// What a watch may cancel a request for.
var (
	errConnect       = errors.New("no connection in time")
	errFirstToken    = errors.New("no first token in time")
	errBetweenTokens = errors.New("no further token in time")
	errWhole         = errors.New("no answer in time")
	errLingers       = errors.New("the answer is complete and its end does not come")
)

// watch cancels a request when nothing has happened for too long. What silence is
// allowed, and what it is called, changes as the request goes on. Its timer is not set
// anew for each chunk: when it fires, it looks when the last one came.
type watch struct {
	cancel context.CancelCauseFunc
	unlink func() bool // from the context of who asks

	mu    sync.Mutex
	timer *time.Timer
	since time.Time // of the last sign of life
	limit time.Duration
	cause error

	stopped bool
}

// newWatch returns a watch that has begun, and the context it cancels; stop must be
// called.
func newWatch(ctx context.Context, limit time.Duration, cause error) (context.Context, *watch) {
	asker := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	w := &watch{cancel: cancel, since: time.Now(), limit: limit, cause: cause}
	w.unlink = context.AfterFunc(asker, func() { cancel(context.Cause(asker)) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(limit, w.look)
	return ctx, w
}

// expect begins another silence, at most limit long.
func (w *watch) expect(limit time.Duration, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	w.since, w.limit, w.cause = time.Now(), limit, cause
	w.timer.Reset(limit)
}

// outlive lets the request go on for a while when who asked has left.
func (w *watch) outlive(limit time.Duration) {
	w.unlink()
	w.expect(limit, errLingers)
}

// touch notes a sign of life.
func (w *watch) touch() {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = now
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if left := w.limit - time.Since(w.since); left > 0 {
		w.timer.Reset(left)
		return
	}
	w.cancel(w.cause)
}

// stop ends the watch, and the request if it is still open.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.unlink()
	w.timer.Stop()
	w.cancel(context.Canceled)
}
