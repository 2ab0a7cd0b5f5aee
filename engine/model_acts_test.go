package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// The world observes its engine: it hears how every stream ends, whether anybody reads it or not.

// Gate implements engine.Observer.
func (w *world) Gate(string) engine.GateObserver { return deaf{} }

// Model implements engine.Observer.
func (w *world) Model(name string) engine.ModelObserver { return watcher{w: w, name: name} }

type deaf struct{}

func (deaf) Waited(time.Duration)                  {}
func (deaf) Rejected(apierr.Code)                  {}
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

// moment lets everybody who does something at this instant note it: virtual time goes on only when nobody can.
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
			o.w.t.Errorf("stream %s was told to stop at %v and left the line at %v", o.name, s.canceled, now)
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
	case s.heeds && ctx.Err() != nil:
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

// passes lets time pass. One who heeds stops when he is told to, which must be when he should be.
func (s *truth) passes(ctx context.Context, d time.Duration) (told bool) {
	if !s.heeds {
		time.Sleep(d)
		return false
	}
	from := time.Now()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		told = true
		moment()
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	now := s.settle()
	if should := !s.canceled.IsZero(); s.world.bursty {
		if told {
			s.stop(now, apierr.CodeCanceled)
		}
	} else if told != should || (told && now.Sub(from) > aMoment && now.Sub(s.canceled) > aMoment) {
		s.world.t.Errorf("stream %s was told to stop: %v, at %v; should be: %v, at %v", s.name, told, now, should, s.canceled)
	}
	return told
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

// emit emits chunks, which the engine should take or not. It takes them for good: their memory is used again.
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

// reads is one reader's life.
func (s *truth) reads(v visitor, r *rand.Rand) {
	time.Sleep(v.arrives)
	last := int64(0)
	for range v.visits {
		if v.lost {
			last = r.Int64N(int64(len(s.chunks))+5) - 1
		}
		s.world.mu.Lock()
		known := s.known()
		s.world.mu.Unlock()
		if found, err := s.world.engine.Streams().Open(s.world.t.Context(), s.stream.ID()); known != (found == s.stream) || (!known && code(err) != apierr.CodeNotFound) {
			s.world.t.Errorf("stream %s should be known: %v; looking for it: %v", s.name, known, err)
		}
		if !known && s.options.Lease > 0 {
			return
		}
		last = s.visits(v, r, last)
		time.Sleep(upTo(r, v.away))
	}
}

// visit is one connection of a reader. It is an stream.Sink too, which may take chunks from the producer itself.
type visit struct {
	*truth
	visitor
	r        *rand.Rand
	want     error // what it should be told at once
	last     int64 // the number of the last event that came
	heard    int
	complete bool      // it has left, or heard the end
	ready    bool      // the event to come is the producer's
	free     time.Time // since when it has had nothing to do
}

// visits is one connection from after number last on. It returns the number of the last event that came.
func (s *truth) visits(v visitor, r *rand.Rand, last int64) int64 {
	w := s.world
	w.mu.Lock()
	came := time.Now()
	one := &visit{truth: s, visitor: v, r: r, want: s.joins(last), last: last, free: came}
	w.mu.Unlock()
	in := one.want == nil
	ctx, cut := context.WithCancelCause(w.t.Context())
	defer cut(nil)
	if v.cut > 0 {
		timer := time.AfterFunc(upTo(r, v.cut), func() { cut(errOnPurpose) })
		defer timer.Stop()
	}
	var err error
	if v.sink {
		err = s.stream.Serve(ctx, last, v.idle, one)
	} else {
		for ev, e := range follow(ctx, s.stream, last, v.idle) {
			if err = e; err != nil || !one.Event(ev, false) {
				break
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		s.errs(err, one.want, one.last, one.heard == 0)
	} else if !one.complete {
		w.t.Errorf("a reader of %s heard nothing of its end after %d", s.name, one.last)
	} else if err := prompt(one.free); err != nil {
		w.t.Errorf("a reader of %s could leave only %v", s.name, err)
	}
	switch {
	case !in:
	case one.heard == 0 && errors.Is(err, stream.ErrGone) && time.Now().Equal(came): // it never came in
		s.readers--
	default:
		s.leaves()
	}
	return one.last
}

// Notice implements stream.Sink.
func (v *visit) Notice(n stream.Notice, more bool) bool { return v.Event(noticed(n), more) }

// End implements stream.Sink.
func (v *visit) End(t stream.Terminal, number int64) bool { return v.Event(ended(t, number), false) }

// Events implements stream.Sink.
func (v *visit) Events(chunks []sse.Event, first int64, more bool) (stays bool) {
	for i, c := range chunks {
		if !v.Event(event{Kind: eventChunk, Seq: first + int64(i), Name: c.Name.String(), Data: c.Data}, more || i < len(chunks)-1) {
			return false
		}
	}
	return true
}

// Event takes one event of a sink, or of a loop over follow.
func (v *visit) Event(ev event, more bool) (stays bool) {
	w := v.world
	w.mu.Lock()
	if v.want != nil && !w.bursty && !w.tight() {
		w.t.Errorf("a reader of %s after %d got an event; it should get %v", v.name, v.last, v.want)
	}
	if v.complete {
		w.t.Errorf("a reader of %s that has left got %+v", v.name, ev)
	}
	if wrong := v.hears(ev, v.last, v.free); wrong != nil {
		w.t.Errorf("a reader of %s: %v", v.name, wrong)
	}
	if due := v.free.Add(v.idle); ev.Kind == eventIdle && (v.idle == 0 || !time.Now().Equal(due)) {
		w.t.Errorf("a reader of %s got a heartbeat that was due at %v", v.name, due)
	}
	if ev.Seq > 0 {
		v.last = ev.Seq
	}
	v.heard++
	v.complete = v.heard == v.stays || ev.Kind == eventDone || ev.Kind == eventFailed
	atOnce := v.ready
	v.ready = v.ready && more // what comes next is of the same batch
	if v.free = time.Now(); atOnce {
		w.mu.Unlock()
	} else {
		v.busy = true
		w.mu.Unlock()
		time.Sleep(10*aMoment + upTo(v.r, v.dawdles)) // one who left within a moment would pass for the cause of an end that it saw
		w.mu.Lock()
		v.busy, v.free = false, time.Now()
		w.mu.Unlock()
	}
	return !v.complete
}

// Ready implements stream.Sink. Only the producer asks, and hands over an event at once if it is told yes.
func (v *visit) Ready(int) bool {
	v.ready = v.r.IntN(3) > 0
	return v.ready
}

// errs checks the error a reader got; want is what it should get at once.
func (s *truth) errs(err, want error, last int64, atOnce bool) {
	s.settle()
	var right bool
	switch {
	case errors.Is(err, stream.ErrGone):
		right = code(err) == apierr.CodeGone && (s.gone(last+1) || (atOnce && errors.Is(want, stream.ErrGone)))
	case errors.Is(err, stream.ErrEnded):
		right = atOnce && errors.Is(want, stream.ErrEnded)
	case errors.Is(err, stream.ErrSlowReader):
		right = want == nil && s.tooSlow()
	default:
		right = want == nil && errors.Is(err, errOnPurpose)
	}
	if !right {
		s.world.t.Errorf("a reader of %s after %d got %v; at once: %v, and should get %v", s.name, last, err, atOnce, want)
	}
}
