package logtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"penstock/sse"
	"penstock/stream"
)

// ErrAway is what a store that is away returns.
var ErrAway = errors.New("logtest: the store is away")

// Faulty makes a store of logs that is slow, fails now and then, or goes away and comes back. The
// zero value of each field is no such fault. It is safe for use by many goroutines.
type Faulty struct {
	stream.Logs
	Delay time.Duration // before each call

	// Of the calls of Append and Seal, each so many:
	FailEvery int // one fails before it has had any effect
	LoseEvery int // the answer of one that took effect is lost

	// Silent makes calls to a store that is away wait until their contexts end, rather than fail.
	Silent bool

	mu    sync.Mutex
	calls int
	away  bool
}

// GoAway makes every call fail until ComeBack.
func (f *Faulty) GoAway() { f.set(true) }

// ComeBack ends GoAway.
func (f *Faulty) ComeBack() { f.set(false) }

func (f *Faulty) set(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
}

// reach waits as long as the store takes, and fails if it is away.
func (f *Faulty) reach(ctx context.Context) error {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	f.mu.Lock()
	away := f.away
	f.mu.Unlock()
	switch {
	case !away:
		return nil
	case f.Silent:
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return ErrAway
}

// write makes one call of Append or Seal, with its faults.
func (f *Faulty) write(ctx context.Context, do func() error) error {
	if err := f.reach(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	f.calls++
	fails := f.FailEvery > 0 && f.calls%f.FailEvery == 0
	loses := f.LoseEvery > 0 && f.calls%f.LoseEvery == 0
	f.mu.Unlock()
	if fails {
		return ErrAway
	}
	if err := do(); err != nil || !loses {
		return err
	}
	return ErrAway
}

// Create implements stream.Logs.
func (f *Faulty) Create(ctx context.Context, id string, c stream.LogConfig, o stream.Owner) (stream.Log, error) {
	if err := f.reach(ctx); err != nil {
		return nil, err
	}
	l, err := f.Logs.Create(ctx, id, c, o)
	if err != nil {
		return nil, err
	}
	return &faultyLog{l, f}, nil
}

// Open implements stream.Logs.
func (f *Faulty) Open(ctx context.Context, id string) (stream.View, error) {
	if err := f.reach(ctx); err != nil {
		return nil, err
	}
	v, err := f.Logs.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	return &faultyView{v, f}, nil
}

type faultyView struct {
	stream.View
	store *Faulty
}

// Follow implements stream.View.
func (v *faultyView) Follow(ctx context.Context, after int64, news chan<- struct{}) (stream.Cursor, error) {
	if err := v.store.reach(ctx); err != nil {
		return nil, err
	}
	return v.View.Follow(ctx, after, news)
}

// Cancel implements stream.View.
func (v *faultyView) Cancel(ctx context.Context) error {
	if err := v.store.reach(ctx); err != nil {
		return err
	}
	return v.View.Cancel(ctx)
}

type faultyLog struct {
	stream.Log
	store *Faulty
}

// Append implements stream.Log.
func (l *faultyLog) Append(ctx context.Context, first int64, events []sse.Event) error {
	return l.store.write(ctx, func() error { return l.Log.Append(ctx, first, events) })
}

// Seal implements stream.Log.
func (l *faultyLog) Seal(ctx context.Context, t stream.Terminal) error {
	return l.store.write(ctx, func() error { return l.Log.Seal(ctx, t) })
}

// Drop implements stream.Log.
func (l *faultyLog) Drop(ctx context.Context) error {
	if err := l.store.reach(ctx); err != nil {
		return err
	}
	return l.Log.Drop(ctx)
}

// Follow implements stream.View.
func (l *faultyLog) Follow(ctx context.Context, after int64, news chan<- struct{}) (stream.Cursor, error) {
	return (&faultyView{l.Log, l.store}).Follow(ctx, after, news)
}

// Cancel implements stream.View.
func (l *faultyLog) Cancel(ctx context.Context) error {
	return (&faultyView{l.Log, l.store}).Cancel(ctx)
}
