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
	Delay     time.Duration // before each call
	FailEvery int           // each so many calls one fails before it has had any effect
	LoseEvery int           // each so many calls the answer of one that took effect is lost

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

// call makes one call of the store, with its faults.
func (f *Faulty) call(ctx context.Context, do func() error) error {
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
	f.calls++
	fails := f.away || f.FailEvery > 0 && f.calls%f.FailEvery == 0
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

// Create implements stream.Logs. It has the delay only: a log that cannot be created is no log.
func (f *Faulty) Create(ctx context.Context, id string, c stream.LogConfig, o stream.Owner) (stream.Log, error) {
	l, err := f.Logs.Create(ctx, id, c, o)
	if err != nil {
		return nil, err
	}
	return &faultyLog{l, f}, nil
}

type faultyLog struct {
	stream.Log
	store *Faulty
}

// Append implements stream.Log.
func (l *faultyLog) Append(ctx context.Context, first int64, events []sse.Event) error {
	return l.store.call(ctx, func() error { return l.Log.Append(ctx, first, events) })
}

// Seal implements stream.Log.
func (l *faultyLog) Seal(ctx context.Context, t stream.Terminal) error {
	return l.store.call(ctx, func() error { return l.Log.Seal(ctx, t) })
}
