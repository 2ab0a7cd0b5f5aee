package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// perform runs the producer of an attached stream in the goroutine of its reader. What a reader is told beside chunks
// comes from where it happens: its place in line and the work's beginning from the producer, heartbeats from a timer. A
// second goroutine is begun only when the reader lags, and then hands over what waits.
func (f *follower) perform(ctx context.Context, produce func()) error {
	stop := context.AfterFunc(ctx, func() { f.stream.cancel(ErrNobodyReads) })
	defer stop()

	var helper sync.WaitGroup
	defer helper.Wait()
	over := make(chan struct{})
	var begun atomic.Bool
	f.leave = func() { f.stream.cancel(ErrNobodyReads) }
	var timer *time.Timer
	f.lag = func() {
		if !begun.Swap(true) {
			helper.Go(func() { f.guarded(func() { f.catchUp(over, timer) }) })
		}
	}
	armed := make(chan struct{}) // the timer may be set anew as soon as it is known, but not before
	wake, _ := f.nextWake()
	timer = time.AfterFunc(time.Until(wake), func() {
		<-armed
		f.guarded(func() {
			f.beat()
			if over, err := f.tell(); !over && err == nil {
				wake, _ := f.nextWake()
				timer.Reset(time.Until(wake))
			}
		})
	})
	close(armed)
	defer timer.Stop()
	f.stream.onChange(func() {
		if wake, told := f.tellNow(); told {
			timer.Reset(time.Until(wake))
		} else {
			f.lag() // the change itself is news
		}
	})

	produce()
	f.stream.onChange(nil)
	close(over)
	helper.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := f.tell(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// catchUp hands over what the producer could not, until the stream is over. While that stands in line, the timer goes on
// looking.
func (f *follower) catchUp(over <-chan struct{}, timer *time.Timer) {
	for {
		select {
		case <-f.news:
			if gone, err := f.tell(); gone || err != nil {
				return
			}
			if wake, waits := f.nextWake(); waits {
				timer.Reset(time.Until(wake))
			}
		case <-over:
			return
		}
	}
}

// guarded keeps a panic of the sink's from ending the process, where no caller of Serve's could: it ends the reader.
func (f *follower) guarded(step func()) {
	err := guard(func() error { step(); return nil })
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone, f.broken = true, err
	f.leave()
}
