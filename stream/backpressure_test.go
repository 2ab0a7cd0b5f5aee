package stream_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"penstock/apierr"
	"penstock/memory"
	"penstock/sse"
	"penstock/stream"
)

// slowReader is a sink that takes events only as the test lets it.
type slowReader struct {
	recorder
	taking  chan int      // the size of an event that it is being sent
	proceed chan struct{} // lets it take that
}

func newSlowReader() *slowReader {
	return &slowReader{taking: make(chan int), proceed: make(chan struct{})}
}

func (r *slowReader) Events(events []sse.Event, first int64, more bool) bool {
	for i, e := range events {
		r.taking <- len(e.Data)
		<-r.proceed
		r.recorder.Events([]sse.Event{e}, first+int64(i), more)
	}
	return true
}

// waiting is a plain stream that waits for its reader.
type waiting struct {
	*stream.Streams
	budget   *memory.Budget
	producer *stream.Producer
	reader   *slowReader
	served   chan error
	leave    context.CancelFunc
}

// wait starts such a stream, and returns the context of its generation too.
func wait(t *testing.T, buffer int, budget int64) (context.Context, *waiting) {
	t.Helper()
	w := &waiting{budget: memory.New(budget), reader: newSlowReader(), served: make(chan error, 1)}
	w.Streams = stream.New(stream.Options{Memory: w.budget})
	ctx, producer, err := w.Create(t.Context(), stream.Config{Buffer: buffer, Waits: true})
	if err != nil {
		t.Fatal(err)
	}
	w.producer = producer
	reading, leave := context.WithCancel(t.Context())
	w.leave = leave
	t.Cleanup(leave)
	go func() { w.served <- w.producer.Stream().Serve(reading, 0, 0, w.reader) }()
	synctest.Wait()
	return ctx, w
}

// append appends events of a size, one after another, in a goroutine of its own, and returns how
// many have been taken, and how that ended.
func (w *waiting) append(ctx context.Context, n, size int) (taken *int, ended chan error) {
	taken, ended = new(int), make(chan error, 1)
	go func() {
		for range n {
			if err := w.producer.Append(ctx, []sse.Event{{Data: make([]byte, size)}}); err != nil {
				ended <- err
				return
			}
			*taken++
		}
		ended <- nil
	}()
	synctest.Wait()
	return taken, ended
}

func (w *waiting) held() int64 { return w.budget.Snapshot().Kinds[memory.Stream] }

// However slow the only reader is, it gets everything, and no more is held than the buffer.
func TestAProducerWaitsForTheReaderOfAPlainStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, buffer = 64 << 10, 512 << 10
		ctx, w := wait(t, buffer, 1<<30)
		taken, ended := w.append(ctx, 100, size)
		for n := range 100 {
			if <-w.reader.taking != size {
				t.Fatal("another event came")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if held := w.held(); held > buffer+size || *taken <= n || *taken > n+buffer/size {
				t.Fatalf("while event %d is being sent, %d are taken and %d bytes held", n, *taken, held)
			}
			w.reader.proceed <- struct{}{}
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		w.producer.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone, Event: doneEvent})
		if err := <-w.served; err != nil || len(w.reader.events) != 100 || w.reader.terminal == nil {
			t.Errorf("%v, %d events", err, len(w.reader.events))
		}
		if held := w.held(); held != 0 {
			t.Errorf("%d bytes are still held", held)
		}
	})
}

// An event larger than the buffer passes alone: the next one waits until it has been sent.
func TestAnEventLargerThanTheBufferPassesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 << 20
		ctx, w := wait(t, 4<<20, 1<<30)
		taken, ended := w.append(ctx, 3, size)
		for n := range 3 {
			<-w.reader.taking
			synctest.Wait()
			if held := w.held(); *taken != n+1 || held < size || held > size+size/10 {
				t.Errorf("while event %d is being sent, %d are taken and %d bytes held", n, *taken, held)
			}
			w.reader.proceed <- struct{}{}
			synctest.Wait()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if held := w.held(); held != 0 {
			t.Errorf("%d bytes are held although all is sent", held)
		}
		w.leave()
		<-w.served
	})
}

// Whatever ends a generation ends its wait for a reader at once.
func TestAWaitForAReaderEndsAtOnce(t *testing.T) {
	other := errors.New("the server goes down")
	for name, c := range map[string]struct {
		end  func(w *waiting)
		want error
	}{
		"the stream is canceled":   {func(w *waiting) { w.producer.Stream().Cancel(other) }, other},
		"the stream is stopped":    {func(w *waiting) { _ = w.producer.Stream().Stop(context.Background()) }, stream.ErrNoReader},
		"all streams are canceled": {func(w *waiting) { w.Cancel(other) }, other},
		"the streams are closed":   {func(w *waiting) { w.Close() }, stream.ErrNoReader},
		"the reader leaves": {func(w *waiting) {
			w.leave()
			w.reader.proceed <- struct{}{} // its write ends
			go func() {
				for range w.reader.taking {
					w.reader.proceed <- struct{}{}
				}
			}()
		}, stream.ErrNoReader},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, w := wait(t, 100<<10, 1<<30)
				_, ended := w.append(ctx, 100, 64<<10)
				<-w.reader.taking
				began := time.Now()
				c.end(w)
				if err := <-ended; !errors.Is(err, c.want) || time.Since(began) > 0 {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
				if cause := context.Cause(ctx); !errors.Is(cause, c.want) {
					t.Errorf("the generation ends with %v", cause)
				}
				if name != "the reader leaves" {
					w.producer.End(ctx, stream.Terminal{Outcome: stream.OutcomeCanceled, Event: doneEvent})
					w.reader.proceed <- struct{}{}
					for over := false; !over; { // what it has taken is still sent
						select {
						case <-w.reader.taking:
							w.reader.proceed <- struct{}{}
						case err := <-w.served:
							if over = true; err != nil || w.reader.terminal == nil {
								t.Errorf("the reader got no end: %v", err)
							}
						}
					}
				} else {
					<-w.served
					close(w.reader.taking)
				}
				if held := w.held(); held != 0 {
					t.Errorf("%d bytes are still held", held)
				}
			})
		})
	}
}

// A stream that readers may come back to, and a plain one that does not wait, are never held up.
func TestOtherProducersNeverWait(t *testing.T) {
	for name, c := range map[string]stream.Config{
		"kept":  {Buffer: 100 << 10, Lease: time.Minute, Waits: true},
		"plain": {Buffer: 100 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stream.New(stream.Options{})
				defer s.Close()
				ctx, p, err := s.Create(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				r, served := newSlowReader(), make(chan error, 1)
				go func() { served <- p.Stream().Serve(t.Context(), 0, 0, r) }()
				synctest.Wait()
				for range 100 {
					if err = p.Append(ctx, []sse.Event{{Data: make([]byte, 64<<10)}}); err != nil {
						break
					}
				}
				if c.Lease == 0 && !errors.Is(err, stream.ErrSlowReader) || c.Lease > 0 && err != nil {
					t.Errorf("the producer got %v", err)
				}
				go func() {
					for range r.taking {
						r.proceed <- struct{}{}
					}
				}()
				if err := <-served; !errors.Is(err, stream.ErrSlowReader) && !errors.Is(err, stream.ErrGone) {
					t.Errorf("the reader got %v", err)
				}
				close(r.taking)
				p.End(ctx, stream.Terminal{Outcome: stream.OutcomeFailed, Event: doneEvent})
			})
		})
	}
}

// A plain stream that waits has one reader, from its start, as any plain stream.
func TestAStreamThatWaitsHasOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, w := wait(t, 100<<10, 1<<30)
		for _, after := range []int64{0, 1} {
			if err := w.producer.Stream().Serve(t.Context(), after, 0, &recorder{}); !errors.Is(err, stream.ErrGone) {
				t.Errorf("a second reader after %d got %v", after, err)
			}
		}
		w.leave()
		<-w.served
	})
}

// Streams whose events do not fit the memory of the process all together wait for each other, and
// fail with a code of their own once one waits for too long.
func TestStreamsThatWaitStayWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, limit = 64 << 20, 640 << 20
		budget := memory.New(limit)
		s := stream.New(stream.Options{Memory: budget})
		held, refused := 0, 0
		ended := make(chan error, 100)
		data := make([]byte, size)
		for n := range 100 {
			ctx, p, err := s.Create(t.Context(), stream.Config{Caller: fmt.Sprint(n), Waits: true})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				ended <- p.Append(ctx, []sse.Event{{Data: data}})
				<-ctx.Done()
				p.End(ctx, stream.Terminal{Outcome: stream.OutcomeFailed, Event: doneEvent})
			}()
		}
		for range 100 {
			e, ok := errors.AsType[*apierr.Error](<-ended)
			switch {
			case !ok:
				held++
			case e.Code == apierr.CodeMemoryExhausted:
				refused++
			}
			if used := budget.Snapshot().Used; used > limit {
				t.Fatalf("%d bytes are used", used)
			}
		}
		if held != 9 || refused != 91 {
			t.Errorf("%d are held, %d refused", held, refused)
		}
		s.Cancel(errors.New("over"))
		synctest.Wait()
		if used := budget.Snapshot().Used; used != 0 {
			t.Errorf("%d bytes are still used", used)
		}
	})
}
