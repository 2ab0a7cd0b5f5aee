package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// perform runs the producer of an attached stream in the goroutine of its reader. What a reader is told beside chunks
// comes from where it happens: its place in line and the work's beginning from the producer, heartbeats from a timer. A
// second goroutine is begun only when the reader lags, and then hands over what waits in the log.
func (f *follower) perform(ctx context.Context, produce func()) error {
	stop := context.AfterFunc(ctx, func() { f.stream.cancel(ErrNobodyReads) })
	defer stop()

	var helper sync.WaitGroup
	defer helper.Wait()
	over := make(chan struct{})
	var begun atomic.Bool
	f.leave = func() { f.stream.cancel(ErrNobodyReads) }
	f.lag = func() {
		if !begun.Swap(true) {
			helper.Go(func() { f.catchUp(over) })
		}
	}
	var timer *time.Timer
	look := func() {
		state, position := f.stream.look()
		f.beat()
		if gone, err := f.tell(state, position); !gone && err == nil {
			timer.Reset(time.Until(f.nextWake(state)))
		}
	}
	armed := make(chan struct{}) // look may be called as soon as the timer exists, but not before
	timer = time.AfterFunc(time.Until(f.nextWake(streamRunning)), func() { <-armed; look() })
	close(armed)
	defer timer.Stop()
	f.stream.onChange(look)

	produce()
	f.stream.onChange(nil)
	close(over)
	helper.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	state, position := f.stream.look()
	_, err := f.tell(state, position)
	return err
}

// catchUp hands over what the producer could not, until the stream is over.
func (f *follower) catchUp(over <-chan struct{}) {
	for {
		select {
		case <-f.news:
			if gone, err := f.tell(f.stream.look()); gone || err != nil {
				return
			}
		case <-over:
			return
		}
	}
}
