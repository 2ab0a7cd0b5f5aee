package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

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

// visit is one connection of a reader. It is an stream.Sink too, which may take chunks from the
// producer itself.
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

// visits is one connection from after number last on. It returns the number of the last event that
// came.
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
		time.Sleep(10*aMoment + upTo(v.r, v.dawdles)) // leaving within a moment would look like the cause of the end
		w.mu.Lock()
		v.busy, v.free = false, time.Now()
		w.mu.Unlock()
	}
	return !v.complete
}

// Ready implements stream.Sink. Only the producer asks, and hands over an event at once if it is
// told yes.
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
