package failover

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The clocks stop while they are paused: while a client is slow, the upstream is not silent.
func TestAPausedWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silences atomic.Int32
		q := &Sequence{attempts: &Attempts{Pool: New(Config{FailoverAfter: 10 * time.Second})}, silent: func() { silences.Add(1) }}
		ctx, w := q.Watch(t.Context(), time.Second)
		defer w.Stop()
		w.Set(30*time.Second, Silence)
		w.Pause()
		<-time.After(5 * time.Minute)
		if ctx.Err() != nil || silences.Load() > 0 {
			t.Fatalf("after a pause: %v and %d silences", context.Cause(ctx), silences.Load())
		}
		w.Resume()
		<-time.After(29 * time.Second)
		synctest.Wait()
		if ctx.Err() != nil || silences.Load() != 2 {
			t.Fatalf("then: %v and %d silences", context.Cause(ctx), silences.Load())
		}
		<-time.After(2 * time.Second)
		if !errors.Is(context.Cause(ctx), Silence) {
			t.Fatalf("at the end: %v", context.Cause(ctx))
		}
	})
}
