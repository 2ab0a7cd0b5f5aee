package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"penstock/sse"
)

// Patience is how long a store may be away before the generations that write to it fail.
const Patience = 15 * time.Second

// Between attempts to reach a store that failed, and how long one attempt may take as a share of
// the patience.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = time.Second
	attemptShare = 3
)

// Buffered makes producers independent of a store that is slow, far away or fails now and then.
// Append returns at once: a goroutine of the log's own passes the events on, those that came
// together and more. Only when more than the log's Buffer waits does Append wait too. A store that
// stays away for longer than patience fails the log: the owner is canceled with an *apierr.Error of
// CodeLogUnavailable, what was not stored is dropped, and Seal still tries, once more for as long,
// to store the terminal event. Readers get only what the store has. All other calls go to the store
// once, and wait for it no longer than patience.
func Buffered(logs Logs, patience time.Duration) Logs { return &bufferedLogs{logs, patience} }

type bufferedLogs struct {
	inner    Logs
	patience time.Duration
}

// Create implements Logs.
func (s *bufferedLogs) Create(ctx context.Context, id string, c LogConfig, owner Owner) (Log, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	inner, err := s.inner.Create(ctx, id, c, owner)
	if err != nil {
		return nil, err
	}
	return &bufferedLog{
		Log: inner, view: boundedView{inner, s.patience}, owner: owner,
		buffer: c.Buffer, patience: s.patience, first: 1,
		work: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}, nil
}

// Open implements Logs.
func (s *bufferedLogs) Open(ctx context.Context, id string) (View, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	view, err := s.inner.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	return boundedView{view, s.patience}, nil
}

// bufferedLog is a log whose events wait for the store.
type bufferedLog struct {
	Log
	view     boundedView // of Log
	owner    Owner
	buffer   int
	patience time.Duration
	writer   sync.WaitGroup

	mu      sync.Mutex
	pending []sse.Event // not stored yet
	slab    slab        // holds their data
	first   int64       // number of pending[0]
	size    int
	failed  error         // why nothing is stored any more
	closing bool          // Seal or Drop has been called
	dropped bool          // Drop has been called
	stop    func()        // ends the writer; nil until there is one
	work    chan struct{} // cap 1; pinged when there is something to write, or closing
	room    chan struct{} // cap 1; pinged when there is room again, or the log has failed or closes
}

// Append implements Log.
func (l *bufferedLog) Append(ctx context.Context, first int64, events []sse.Event) error {
	for {
		if full, err := l.add(ctx, first, events); !full || err != nil {
			return err
		}
		select {
		case <-l.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// add adds events to those that wait, unless the buffer is full.
func (l *bufferedLog) add(ctx context.Context, first int64, events []sse.Event) (full bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.first + int64(len(l.pending))
	switch {
	case l.failed != nil:
		return false, l.failed
	case l.closing: // no reader can get them
		return false, nil
	case first > next:
		return false, fmt.Errorf("stream: append event %d to a log whose next one is %d", first, next)
	case l.size > l.buffer:
		return true, nil
	}
	for _, e := range events[min(next-first, int64(len(events))):] {
		l.pending = append(l.pending, l.slab.keep(e))
		l.size += cost(e)
	}
	if l.stop == nil {
		writing, stop := context.WithCancel(context.WithoutCancel(ctx))
		l.stop = stop
		l.writer.Go(func() { l.write(writing) })
	}
	ping(l.work)
	return false, nil
}

// write stores what waits until there is nothing left and the log closes, or the store is away for
// too long, or ctx ends.
func (l *bufferedLog) write(ctx context.Context) {
	for {
		batch, first, closing := l.batch()
		if len(batch) > 0 {
			if err := l.retry(ctx, func(ctx context.Context) error { return l.Log.Append(ctx, first, batch) }); err != nil {
				if ctx.Err() == nil { // else the log is being dropped
					l.fail(unavailable(fmt.Errorf("append: %w", err)))
				}
				return
			}
			l.stored(len(batch))
			continue
		}
		if closing {
			return
		}
		select {
		case <-l.work:
		case <-ctx.Done():
			return
		}
	}
}

// batch returns what waits, and whether more will come. The slice stays as it is until stored.
func (l *bufferedLog) batch() (events []sse.Event, first int64, closing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending[:len(l.pending):len(l.pending)], l.first, l.closing
}

// stored notes that the first n events that waited are stored.
func (l *bufferedLog) stored(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.pending[:n] {
		l.size -= cost(e)
	}
	l.pending = l.pending[n:]
	if len(l.pending) == 0 {
		l.pending, l.slab = nil, slab{}
	}
	l.first += int64(n)
	ping(l.room)
}

// fail drops what waits, and cancels the generation.
func (l *bufferedLog) fail(err error) {
	l.mu.Lock()
	l.failed = err
	l.pending, l.size, l.slab = nil, 0, slab{}
	l.mu.Unlock()
	ping(l.room)
	l.owner.Cancel(err)
}

// retry makes attempts until one succeeds, ctx ends, or the store has been away for as long as
// patience says.
func (l *bufferedLog) retry(ctx context.Context, attempt func(context.Context) error) error {
	deadline := time.Now().Add(l.patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := l.attempt(ctx, attempt)
		left := time.Until(deadline)
		if err == nil || left <= 0 || ctx.Err() != nil || errors.Is(err, ErrGone) {
			return err
		}
		timer := time.NewTimer(min(pause, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

func (l *bufferedLog) attempt(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience/attemptShare)
	defer cancel()
	return attempt(ctx)
}

// close lets the writer end once everything is stored, or at once, and waits for it.
func (l *bufferedLog) close(atOnce bool) {
	l.mu.Lock()
	l.closing = true
	l.dropped = l.dropped || atOnce
	stop := l.stop
	l.mu.Unlock()
	ping(l.work)
	ping(l.room)
	if stop == nil {
		return
	}
	if atOnce {
		stop()
	}
	l.writer.Wait()
	stop()
}

// Flush implements Log. Of a log that is dropped it waits for nothing.
func (l *bufferedLog) Flush(ctx context.Context) error {
	for {
		l.mu.Lock()
		over, failed := len(l.pending) == 0 || l.dropped, l.failed
		l.mu.Unlock()
		if over || failed != nil {
			return failed
		}
		select {
		case <-l.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Seal implements Log.
func (l *bufferedLog) Seal(ctx context.Context, t Terminal) error {
	l.close(false)
	if err := l.lost(); err != nil && t.Outcome == OutcomeDone { // its last events are missing
		return err
	}
	if err := l.retry(ctx, func(ctx context.Context) error { return l.Log.Seal(ctx, t) }); err != nil {
		return unavailable(fmt.Errorf("seal: %w", err))
	}
	return nil
}

// lost returns why events were lost, nil if none were.
func (l *bufferedLog) lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Follow implements View.
func (l *bufferedLog) Follow(ctx context.Context, after int64, news chan<- struct{}) (Cursor, error) {
	return l.view.Follow(ctx, after, news)
}

// Cancel implements View.
func (l *bufferedLog) Cancel(ctx context.Context) error { return l.view.Cancel(ctx) }

// Drop implements Log.
func (l *bufferedLog) Drop(ctx context.Context) error {
	l.close(true)
	return l.attempt(ctx, l.Log.Drop)
}
