package engine_test

import (
	"context"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// The world observes its engine: it is notified of how every stream ends, read or not.

// Gate implements engine.Observer.
func (w *world) Gate(string) engine.GateObserver { return deaf{} }

// Model implements engine.Observer.
func (w *world) Model(name string) engine.ModelObserver { return watcher{w: w, name: name} }

type deaf struct{}

func (deaf) Waited(time.Duration)                  {}
func (deaf) Rejected(engine.Rejection)             {}
func (deaf) Changed(engine.State, error)           {}
func (deaf) PhaseDone(engine.Phase, time.Duration) {}
func (deaf) Chunks(int, bool, time.Duration)       {}
func (deaf) Resumed()                              {}

type watcher struct {
	deaf
	w    *world
	name string
}

// aMoment is the shortest time there is.
const aMoment = time.Nanosecond

// moment lets all goroutines that do something at this instant note it: virtual time goes on only
// when all of them are blocked.
func moment() { time.Sleep(aMoment) }

// StreamClosed implements engine.ModelObserver.
func (o watcher) StreamClosed(outcome stream.Outcome, _ engine.Usage, err error) {
	moment()
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	s := o.w.streams[o.name]
	if s.closed {
		o.w.t.Errorf("stream %s was closed twice", o.name)
	}
	s.closed = true
	s.over()
	if !s.prepared.IsZero() && !s.generating { // it left the line
		o.w.unline(o.name)
		now := time.Now()
		switch at := s.prepared.Add(o.w.timeout); {
		case o.w.bursty:
		case s.canceled.IsZero() && now.Sub(at) != aMoment:
			o.w.t.Errorf("stream %s waited until %v, not %v", o.name, now, at)
		case !s.canceled.IsZero() && s.canceled.After(s.prepared) && now.Sub(s.canceled) > aMoment:
			o.w.t.Errorf("stream %s was stopped at %v and left the line at %v", o.name, s.canceled, now)
		}
	}
	got := terminal{eventDone, ""}
	if err != nil {
		got = failed(code(err))
	}
	for _, want := range s.terminals() {
		if got.kind == want.kind && (err == nil || got == want) {
			return
		}
	}
	o.w.t.Errorf("stream %s closed as %s with %v, not %v", o.name, outcome, err, s.terminals())
}

// over notes that the producer has stopped.
func (s *truth) over() {
	if s.ended.IsZero() {
		s.ended = s.settle()
		s.world.inside--
	}
}

// prepares is the script's Preprocess.
func (s *truth) prepares(ctx context.Context) error {
	s.passes(ctx, s.prepare)
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	switch {
	case s.watches && ctx.Err() != nil:
		return ctx.Err()
	case s.ending == endPrepareFails:
		s.said = &saying{err: errOnPurpose}
		s.over()
		return errOnPurpose
	case s.ending == endPreparePanics:
		s.said = &saying{err: errOnPurpose}
		s.over()
		panic(errOnPurpose)
	}
	if s.prepared = s.settle(); s.canceled.IsZero() {
		s.world.line = append(s.world.line, s.name)
	}
	return nil
}

// passes lets time pass. A script that watches its context stops when that ends, which must be when
// it should.
func (s *truth) passes(ctx context.Context, d time.Duration) (stopped bool) {
	if !s.watches {
		time.Sleep(d)
		return false
	}
	from := time.Now()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		stopped = true
		moment()
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	now := s.settle()
	if should := !s.canceled.IsZero(); s.world.bursty {
		if stopped {
			s.stop(now, apierr.CodeCanceled)
		}
	} else if stopped != should || (stopped && now.Sub(from) > aMoment && now.Sub(s.canceled) > aMoment) {
		s.world.t.Errorf("stream %s was stopped: %v, at %v; should be: %v, at %v", s.name, stopped, now, should, s.canceled)
	}
	return stopped
}

// generates is the script's Generate.
func (s *truth) generates(ctx context.Context, emit func(...sse.Event) error) (end engine.End, err error) {
	s.world.mu.Lock()
	s.generating = true
	s.world.granted(s.name)
	s.world.mu.Unlock()
	defer func() {
		p := recover()
		s.world.mu.Lock()
		s.world.running--
		s.said = &saying{end, err}
		if p != nil {
			s.said = &saying{err: errOnPurpose}
		}
		s.over()
		s.world.mu.Unlock()
		if p != nil {
			panic(p)
		}
	}()
	for i := 0; i < len(s.chunks); {
		if s.passes(ctx, s.chunks[i].work) {
			return engine.End{}, ctx.Err()
		}
		var together []sse.Event
		for first := i; i < len(s.chunks) && (i == first || s.chunks[i].joins); i++ {
			together = append(together, sse.Event{Data: content(s.name, int64(i)+1, s.chunks[i].size)})
		}
		s.world.mu.Lock()
		should := s.emits(together)
		s.world.mu.Unlock()
		if err := s.emit(emit, together, should); err != nil && !s.deaf {
			return engine.End{}, err
		}
	}
	if s.passes(ctx, s.finish) { // a reader may leave over the last chunk
		return engine.End{}, ctx.Err()
	}
	switch s.ending {
	case endLength:
		return engine.LengthReached(engine.Usage{}), nil
	case endFails:
		return engine.Stopped(engine.Usage{}), errOnPurpose
	case endFailsTyped:
		return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Cause: errOnPurpose}
	case endPanics:
		panic(errOnPurpose)
	case endSaysNothing:
		return engine.End{}, nil
	case endEncodeFails, endEncodePanics:
		return engine.End{}, emit(sse.Event{})
	default:
		return engine.Stopped(engine.Usage{}), nil
	}
}

// emit emits chunks, which the engine should take or not. It takes them for good: their memory is
// used again.
func (s *truth) emit(emit func(...sse.Event) error, chunks []sse.Event, should bool) error {
	err := emit(chunks...)
	defer func() {
		for _, c := range chunks {
			clear(c.Data)
		}
	}()
	if err != nil {
		s.world.mu.Lock()
		s.lost = true
		s.world.mu.Unlock()
	}
	if (err == nil) == should {
		return err
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if err == nil && s.world.bursty { // told to stop in this very moment
		s.takes(chunks)
		return nil
	}
	if err == nil || !s.refused(len(chunks)) {
		s.world.t.Errorf("stream %s emitted with %v; it should have worked: %v", s.name, err, should)
	}
	return err
}

// encodes is the script's Encode.
func (s *truth) encodes(c sse.Event) (sse.Event, error) {
	switch {
	case c.Data != nil:
		return c, nil
	case s.ending == endEncodePanics:
		panic(errOnPurpose)
	default:
		return c, errOnPurpose
	}
}
