package stream_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"penstock/sse"
	"penstock/stream"
)

// brittle is a sink that panics over its second event.
type brittle struct {
	reading
	lags atomic.Bool // it is not ready
}

func (s *brittle) Ready(int) bool { return !s.lags.Load() }

func (s *brittle) Events(events []sse.Event, first int64, more bool) bool {
	if first == 2 {
		panic("the sink panics over an event")
	}
	return s.reading.Events(events, first, more)
}

// A sink may panic in the producer's goroutine, to which it is the panic of its log, or in its
// reader's. Either way it is not used again, its reader ends, and so can its producer.
func TestASinkThatHasPanickedIsNotUsedAgain(t *testing.T) {
	for name, lags := range map[string]bool{"in the producer's goroutine": false, "in the reader's": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streams := stream.New(stream.Options{})
				ctx, p, err := streams.Create(t.Context(), stream.Config{})
				if err != nil {
					t.Fatal(err)
				}
				appended := func(data string) (err error) {
					defer func() {
						if p := recover(); p != nil {
							err = fmt.Errorf("panic: %v", p)
						}
					}()
					return p.Append(ctx, []sse.Event{{Data: []byte(data)}})
				}
				sink := &brittle{reading: reading{t: t}}
				served := make(chan error, 1)
				go func() {
					defer func() {
						if p := recover(); p != nil {
							served <- fmt.Errorf("panic: %v", p)
						}
					}()
					served <- p.Stream().Serve(context.Background(), 0, 0, sink)
				}()
				synctest.Wait()
				if err := appended("1"); err != nil {
					t.Error(err)
				}
				sink.lags.Store(lags)
				err = appended("2")
				if panicked := err != nil && strings.HasPrefix(err.Error(), "panic: "); panicked == lags {
					t.Errorf("Append: %v", err)
				}
				err = <-served
				if panicked := err != nil && strings.HasPrefix(err.Error(), "panic: "); err == nil || panicked != lags {
					t.Errorf("Serve: %v", err)
				}
				if ctx.Err() == nil {
					t.Error("the generation runs on without its reader")
				}
				p.End(ctx, stream.Terminal{Outcome: stream.OutcomeCanceled})
				if sink.kinds != "sc" || streams.Readers() != 0 {
					t.Errorf("the sink has %q; %d readers", sink.kinds, streams.Readers())
				}
			})
		})
	}
}

// taker is a sink that takes everything at once.
type taker struct{}

func (taker) Ready(int) bool                       { return true }
func (taker) Notice(stream.Notice, bool) bool      { return true }
func (taker) Events([]sse.Event, int64, bool) bool { return true }
func (taker) End(stream.Terminal, int64) bool      { return true }

// BenchmarkHandover appends to a plain stream whose reader is ready: what relaying an event costs
// here beside its sink.
func BenchmarkHandover(b *testing.B) {
	streams := stream.New(stream.Options{})
	ctx, p, err := streams.Create(b.Context(), stream.Config{})
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Stream().Serve(b.Context(), 0, 0, taker{}) }()
	event := []sse.Event{{Data: []byte(`{"choices":[{"delta":{"content":"token"}}]}`)}}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Append(ctx, event); err != nil {
			b.Fatal(err)
		}
	}
	p.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone})
	if err := <-served; err != nil {
		b.Error(err)
	}
}
