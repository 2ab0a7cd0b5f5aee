package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
	"penstock/stream/logtest"
)

func TestABufferedLogConforms(t *testing.T) {
	for name, faults := range map[string]*logtest.Faulty{
		"over memory":                         {},
		"over a slow store":                   {Delay: 100 * time.Microsecond},
		"over one that fails now and then":    {FailEvery: 5},
		"over one whose answers can get lost": {LoseEvery: 4},
		"over one with all of these":          {Delay: 50 * time.Microsecond, FailEvery: 7, LoseEvery: 3},
	} {
		t.Run(name, func(t *testing.T) {
			logtest.Conform(t, func(*testing.T) stream.Logs {
				store := &logtest.Faulty{
					Logs: stream.NewMemoryLogs(1<<20, nil), Delay: faults.Delay, FailEvery: faults.FailEvery, LoseEvery: faults.LoseEvery,
				}
				return stream.Buffered(store, time.Minute)
			})
		})
	}
}

// recorder is a sink that keeps what it gets.
type recorder struct {
	events   []string
	terminal *stream.Terminal
}

func (*recorder) Ready(int) bool                  { return false }
func (*recorder) Notice(stream.Notice, bool) bool { return true }

func (r *recorder) Events(events []sse.Event, _ int64, _ bool) bool {
	for _, e := range events {
		r.events = append(r.events, string(e.Data))
	}
	return true
}

func (r *recorder) End(t stream.Terminal, _ int64) bool {
	r.terminal = &t
	return true
}

var doneEvent = sse.Event{Name: sse.MustName("done")}

// produced is a stream over a store that goes away, with a reader.
type produced struct {
	store    *logtest.Faulty
	ctx      context.Context
	producer *stream.Producer
	reader   *recorder
	served   chan error
}

func produce(t *testing.T, buffer int) *produced {
	t.Helper()
	p := &produced{store: &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil)}, reader: &recorder{}, served: make(chan error, 1)}
	streams := stream.New(stream.Options{Logs: stream.Buffered(p.store, stream.Patience)})
	var err error
	if p.ctx, p.producer, err = streams.Create(t.Context(), stream.Config{Lease: time.Hour, Buffer: buffer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(streams.Close)
	go func() { p.served <- p.producer.Stream().Serve(t.Context(), 0, 0, p.reader) }()
	synctest.Wait()
	return p
}

func (p *produced) emit(n int) error {
	return p.producer.Append(p.ctx, []sse.Event{{Data: fmt.Appendf(nil, "%d", n)}})
}

func (p *produced) text() string { return strings.Join(p.reader.events, " ") }

func TestAStoreThatComesBackLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := produce(t, 1<<20)
		for n := range 10 {
			if n == 3 {
				p.store.GoAway()
			}
			if n == 7 {
				time.Sleep(14 * time.Second) // less than the patience
				p.store.ComeBack()
			}
			if err := p.emit(n); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n == 5 && p.text() != "0 1 2" {
				t.Errorf("while the store is away its reader has %q", p.text())
			}
		}
		if err := p.producer.Flush(p.ctx); err != nil {
			t.Fatal(err)
		}
		p.producer.End(p.ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-p.served; err != nil || p.text() != "0 1 2 3 4 5 6 7 8 9" || p.reader.terminal == nil {
			t.Errorf("%v: %q, %+v", err, p.text(), p.reader.terminal)
		}
	})
}

func TestAStoreThatIsAwayForTooLongFailsTheGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := produce(t, 1<<20)
		if err := p.emit(0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.store.GoAway()
		began := time.Now()
		for n := 1; ; n++ {
			if err := p.emit(n); err != nil {
				if e := apierr.From(err); e.Code != apierr.CodeLogUnavailable || !errors.Is(err, stream.ErrUnavailable) {
					t.Errorf("it fails with %v", err)
				}
				break
			}
			time.Sleep(time.Second)
		}
		if e := apierr.From(context.Cause(p.ctx)); e.Code != apierr.CodeLogUnavailable {
			t.Errorf("the generation is canceled with %v", context.Cause(p.ctx))
		}
		if took := time.Since(began); took < stream.Patience || took > stream.Patience+5*time.Second {
			t.Errorf("after %v", took)
		}
		p.store.ComeBack()
		failure := apierr.From(context.Cause(p.ctx))
		p.producer.End(p.ctx, stream.Terminal{Outcome: stream.OutcomeFailed, Err: failure})
		err := <-p.served
		if err != nil || p.text() != "0" || p.reader.terminal == nil || p.reader.terminal.Err.Code != apierr.CodeLogUnavailable {
			t.Errorf("%v: %q, %+v", err, p.text(), p.reader.terminal)
		}
	})
}

func TestAStreamThatCannotBeSealedEndsWithoutATerminalEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := produce(t, 1<<20)
		if err := p.emit(0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p.store.GoAway()
		p.producer.End(p.ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-p.served; !errors.Is(err, stream.ErrUnsealed) || p.text() != "0" || p.reader.terminal != nil {
			t.Errorf("%v: %q, %+v", err, p.text(), p.reader.terminal)
		}
	})
}

// Events that were accepted but not stored are missing: such a stream is not done.
func TestAStreamWithoutItsLastEventsIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := produce(t, 1<<20)
		p.store.GoAway()
		if err := p.emit(0); err != nil {
			t.Fatal(err)
		}
		if err := p.producer.Flush(p.ctx); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("Flush: %v", err)
		}
		p.store.ComeBack()
		p.producer.End(p.ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-p.served; !errors.Is(err, stream.ErrUnsealed) || p.reader.terminal != nil {
			t.Errorf("%v: %q, %+v", err, p.text(), p.reader.terminal)
		}
	})
}

func TestAppendWaitsOnlyWhenTheBufferIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := produce(t, 1000) // some ten events, with what each costs
		p.store.GoAway()
		began, n := time.Now(), 0
		for ; n < 8; n++ {
			if err := p.emit(n); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("events within the buffer took %v", took)
		}
		time.AfterFunc(5*time.Second, p.store.ComeBack)
		for ; n < 40; n++ {
			if err := p.emit(n); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("events beyond the buffer took %v", took)
		}
		if err := p.producer.Flush(p.ctx); err != nil {
			t.Fatal(err)
		}
		p.producer.End(p.ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-p.served; err != nil && !errors.Is(err, stream.ErrGone) { // the log keeps ten events, too
			t.Errorf("%v: %q", err, p.text())
		}
	})
}

// quietLog counts how often its readers look for something to take.
type quietLog struct {
	stream.Logs
	takes atomic.Int64
}

type quietView struct {
	stream.Log
	logs *quietLog
}

type quietCursor struct {
	stream.Cursor
	logs *quietLog
}

func (l *quietLog) Create(ctx context.Context, id string, c stream.LogConfig, o stream.Owner) (stream.Log, error) {
	log, err := l.Logs.Create(ctx, id, c, o)
	return &quietView{log, l}, err
}

func (v *quietView) Follow(ctx context.Context, after int64, news chan<- struct{}) (stream.Cursor, error) {
	c, err := v.Log.Follow(ctx, after, news)
	return &quietCursor{c, v.logs}, err
}

func (c *quietCursor) Take(spare []sse.Event) (stream.Batch, error) {
	c.logs.takes.Add(1)
	return c.Cursor.Take(spare)
}

func TestAQuietStreamIsNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &quietLog{Logs: stream.NewMemoryLogs(1<<20, nil)}
		streams := stream.New(stream.Options{Logs: logs})
		ctx, producer, err := streams.Create(t.Context(), stream.Config{Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		reader := &recorder{}
		served := make(chan error, 1)
		go func() { served <- producer.Stream().Serve(t.Context(), 0, 0, reader) }()
		time.Sleep(5*time.Hour + time.Minute) // virtual
		if n := logs.takes.Load(); n > 10 {
			t.Errorf("it was looked at %d times in five quiet hours", n)
		}
		producer.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-served; err != nil {
			t.Error(err)
		}
		streams.Close()
	})
}

// While the store is away and its buffer full, Append and Flush end when the log is dropped: no
// reader can get what they wait for.
func TestAProducerThatWaitsForTheStoreIsReleasedWhenTheLogIsDropped(t *testing.T) {
	for name, wait := range map[string]func(stream.Log) error{
		"in Append": func(l stream.Log) error {
			for first := int64(1); first < 100; first++ {
				if err := l.Append(context.Background(), first, []sse.Event{{Data: []byte("event")}}); err != nil {
					return err
				}
			}
			return nil
		},
		"in Flush": func(l stream.Log) error {
			if err := l.Append(context.Background(), 1, []sse.Event{{Data: []byte("event")}}); err != nil {
				return err
			}
			return l.Flush(context.Background())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &logtest.Faulty{Logs: stream.NewMemoryLogs(1<<20, nil)}
				logs := stream.Buffered(store, time.Hour)
				l, err := logs.Create(t.Context(), "a", stream.LogConfig{Buffer: 500}, noOwner{})
				if err != nil {
					t.Fatal(err)
				}
				store.GoAway()
				waited := make(chan error, 1)
				go func() { waited <- wait(l) }()
				synctest.Wait()
				select {
				case err := <-waited:
					t.Fatalf("it did not wait: %v", err)
				default:
				}
				if err := l.Drop(t.Context()); !errors.Is(err, logtest.ErrAway) {
					t.Errorf("Drop: %v", err)
				}
				if err := <-waited; err != nil {
					t.Errorf("after Drop: %v", err)
				}
			})
		})
	}
}
