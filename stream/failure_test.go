package stream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
	"penstock/stream/logtest"
)

// puppets are logs of which a test sets what they report.
type puppets struct {
	stream.Logs
	owner    stream.Owner
	counted  atomic.Bool   // Readers returns readers
	readers  atomic.Int64  //
	dropping chan struct{} // nil, or Drop waits until it is closed
	broken   atomic.Bool   // Take fails
}

type puppet struct {
	stream.Log
	logs *puppets
}

type puppetCursor struct {
	stream.Cursor
	logs *puppets
}

func (l *puppets) Create(ctx context.Context, id string, c stream.LogConfig, o stream.Owner) (stream.Log, error) {
	log, err := l.Logs.Create(ctx, id, c, o)
	l.owner = o
	return &puppet{log, l}, err
}

func (l *puppet) Readers() int {
	if l.logs.counted.Load() {
		return int(l.logs.readers.Load())
	}
	return l.Log.Readers()
}

func (l *puppet) Follow(ctx context.Context, after int64, news chan<- struct{}) (stream.Cursor, error) {
	c, err := l.Log.Follow(ctx, after, news)
	return &puppetCursor{c, l.logs}, err
}

func (l *puppet) Drop(ctx context.Context) error {
	if l.logs.dropping != nil {
		<-l.logs.dropping
	}
	return l.Log.Drop(ctx)
}

func (c *puppetCursor) Take(spare []sse.Event) (stream.Batch, error) {
	if c.logs.broken.Load() {
		return stream.Batch{}, errAway
	}
	return c.Cursor.Take(spare)
}

var errAway = errors.New("the store is away")

func TestAStoreThatCannotBeReadCutsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &puppets{Logs: stream.NewMemoryLogs(1<<20, nil)}
		g := newGenerators(t, stream.Options{Logs: logs})
		s := g.start(t, stream.Config{Lease: time.Minute}, ticker(5))
		time.AfterFunc(2500*time.Millisecond, func() { logs.broken.Store(true) })
		if r := read(t, s); r.kinds != "scc" || code(r.err) != apierr.CodeLogUnavailable || !errors.Is(r.err, errAway) {
			t.Errorf("got %+v", r)
		}
		logs.broken.Store(false)
		if r := readFrom(t, s, 2, 0); r.kinds != "cccd" || r.err != nil {
			t.Errorf("once it can be read again: %+v", r)
		}
	})
}

// What a store fails with reaches clients as log_unavailable, and not as their own cancellation.
func TestAStoreThatCannotBeWrittenFailsTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil), FailEvery: 3}
		g := newGenerators(t, stream.Options{Logs: store})
		r := read(t, g.start(t, stream.Config{Lease: time.Minute}, ticker(5)))
		if r.kinds != "sccf" || r.failed.Code != apierr.CodeLogUnavailable || !errors.Is(r.failed, logtest.ErrAway) {
			t.Errorf("got %+v", r)
		}
	})
}

// A stream that could not be sealed gives its readers all that it has before it cuts them.
func TestReadersOfAnUnsealedStreamGetWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil)}
		g := newGenerators(t, stream.Options{Logs: store})
		s := g.start(t, stream.Config{Lease: time.Minute}, func(_ context.Context, emit func(...string) error) error {
			defer store.GoAway()
			for range 1000 {
				if err := emit("x"); err != nil {
					return err
				}
			}
			return nil
		})
		g.Drain()
		g.all.Wait()
		store.ComeBack()
		if r := read(t, s); !errors.Is(r.err, stream.ErrUnsealed) || r.last != 1000 {
			t.Errorf("up to %d, %v", r.last, r.err)
		}
		begun := time.Now()
		if err := g.WaitForReaders(t.Context(), time.Minute); err != nil || time.Since(begun) > 0 {
			t.Errorf("a drain waits %v for readers that cannot get an end: %v", time.Since(begun), err)
		}
	})
}
