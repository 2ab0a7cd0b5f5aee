package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// truth is what should be so of one stream: the engine's rules once more, told as bookkeeping of
// what its producer and its readers did and when, without a goroutine, a channel or a timer. Its
// methods want world.mu held.
type truth struct {
	script
	world  *world
	stream *stream.Stream

	prepared   time.Time // when it came to stand in line
	generating bool
	sizes      []int       // of the chunks that were taken from the producer
	made       []time.Time // when
	said       *saying
	lost       bool      // a chunk was not taken
	ended      time.Time // when its producer stopped
	closed     bool      // the observer has heard of it

	canceled time.Time // when it was told to stop
	why      apierr.Code

	readers int
	alone   time.Time // since when it has had no reader
	expired time.Time // when its lease ran out

	// What a plain stream's one reader has taken, and whether it is busy with that and takes
	// nothing more.
	joined bool
	busy   bool
	taken  int
}

// saying is what a producer returned.
type saying struct {
	end engine.End
	err error
}

// settle lets the time that has passed take its effect. It comes before every look at the truth.
func (s *truth) settle() (now time.Time) {
	now = time.Now()
	from, runs := s.alone, s.readers == 0
	if s.options.Detached {
		from, runs = s.ended, !s.ended.IsZero()
	}
	if end := from.Add(s.options.Lease); s.options.Lease > 0 && s.expired.IsZero() && runs && !end.After(now) {
		s.expired = end
		s.stop(end, apierr.CodeCanceled)
	}
	return now
}

// stop notes that the producer is told to stop; the first reason counts.
func (s *truth) stop(at time.Time, why apierr.Code) {
	if s.canceled.IsZero() && s.ended.IsZero() {
		s.canceled, s.why = at, why
	}
}

// emits notes chunks that are about to be emitted together, and says whether the engine should take
// them.
func (s *truth) emits(chunks []sse.Event) (taken bool) {
	now := s.settle()
	if !s.canceled.IsZero() {
		return false
	}
	if s.options.Lease == 0 {
		if s.joined && !s.busy {
			s.taken = len(s.sizes)
		}
		kept := 0
		for _, n := range s.sizes[s.taken:] {
			kept += n + eventCost
		}
		for _, c := range chunks {
			kept += len(c.Data) + eventCost
		}
		if kept > s.options.Buffer && len(s.sizes) > s.taken && !s.world.bursty {
			s.stop(now, apierr.CodeCanceled)
			return false
		}
	}
	s.takes(chunks)
	return true
}

func (s *truth) takes(chunks []sse.Event) {
	for _, c := range chunks {
		s.sizes, s.made = append(s.sizes, len(c.Data)), append(s.made, time.Now())
	}
}

// refused takes the last n chunks back, which the engine did not take although it should. In a
// burst that may be right.
func (s *truth) refused(n int) (forgiven bool) {
	s.sizes, s.made = s.sizes[:len(s.sizes)-n], s.made[:len(s.made)-n]
	s.stop(time.Now(), apierr.CodeCanceled)
	return s.world.bursty && s.options.Lease == 0
}

// terminal is a stream's last event: Done's reason or Failed's code.
type terminal struct {
	kind eventKind
	word string
}

func failed(code apierr.Code) terminal { return terminal{eventFailed, string(code)} }

// terminals are the last events that are right for a stream that is over: one, save where two
// things met in a burst.
func (s *truth) terminals() []terminal {
	natural := failed(apierr.CodeQueueTimeout)
	if s.said != nil {
		if s.said.err == nil && s.said.end.Reason() != "" && !s.lost {
			return []terminal{{eventDone, s.said.end.Reason()}}
		}
		natural = failed(apierr.CodeInternal)
		if e, ok := errors.AsType[*apierr.Error](s.said.err); ok {
			natural = failed(e.Code)
		}
	}
	switch {
	case s.canceled.IsZero():
		return []terminal{natural}
	case s.world.bursty:
		return []terminal{natural, failed(s.why)}
	default:
		return []terminal{failed(s.why)}
	}
}

// last is the number of the last event so far.
func (s *truth) last() int64 {
	n := int64(len(s.sizes))
	if !s.ended.IsZero() {
		n++
	}
	return n
}

// first is the number of the first chunk that the log holds by the rule of its buffer: the latest
// ones that fit, and one at least.
func (s *truth) first() int64 {
	sum := 0
	for i := len(s.sizes) - 1; i >= 0; i-- {
		if sum += s.sizes[i] + eventCost; sum > s.options.Buffer && i < len(s.sizes)-1 {
			return int64(i) + 2
		}
	}
	return 1
}

// known tells whether the engine should find the stream by its id.
func (s *truth) known() bool {
	s.settle()
	switch {
	case s.options.Lease == 0 || s.world.closed:
		return false
	default:
		return s.expired.IsZero() || s.ended.IsZero()
	}
}

// joins says what a reader should get that asks for what comes after a number: nil, ErrGone or
// ErrOver. If nil, it is in.
func (s *truth) joins(after int64) error {
	s.settle()
	switch {
	case s.options.Lease == 0 && (s.joined || after != 0):
		return stream.ErrGone
	case s.options.Lease == 0:
	case after < s.first()-1 || after > s.last():
		return stream.ErrGone
	case !s.ended.IsZero() && after == s.last():
		return stream.ErrEnded
	}
	s.readers++
	s.joined = true
	return nil
}

// leaves notes that a reader has left.
func (s *truth) leaves() {
	now := s.settle()
	s.readers--
	s.busy = true // it takes no more
	if s.readers == 0 {
		s.alone = now
		if s.options.Lease == 0 {
			s.stop(now, apierr.CodeCanceled)
		}
	}
}

// gone says whether a reader may be told that its next event is no longer there.
func (s *truth) gone(next int64) bool {
	switch {
	case s.options.Lease == 0:
		return false
	case s.world.tight():
		return true
	default:
		return next < s.first()
	}
}

// tooSlow says whether a reader may be told that it was too slow.
func (s *truth) tooSlow() bool {
	return s.options.Lease == 0 && (s.world.bursty || !s.canceled.IsZero())
}

// hears checks an event against what should come after number last, and returns what is wrong with
// it, if anything. The reader could have had it since a time.
func (s *truth) hears(ev event, last int64, since time.Time) error {
	s.settle()
	switch ev.Kind {
	case eventChunk:
		if ev.Seq != last+1 || ev.Seq > int64(len(s.sizes)) {
			return fmt.Errorf("chunk %d after %d, of %d", ev.Seq, last, len(s.sizes))
		}
		if want := content(s.name, ev.Seq, s.sizes[ev.Seq-1]); string(ev.Data) != string(want) {
			return fmt.Errorf("chunk %d is %q, not %q", ev.Seq, ev.Data, want)
		}
		if err := prompt(since, s.made[ev.Seq-1]); err != nil {
			return fmt.Errorf("chunk %d: %w", ev.Seq, err)
		}
	case eventDone, eventFailed:
		if ev.Seq != last+1 || ev.Seq != int64(len(s.sizes))+1 {
			return fmt.Errorf("the terminal event is %d after %d, of %d chunks", ev.Seq, last, len(s.sizes))
		}
		got := terminal{ev.Kind, ev.End.Reason}
		if ev.Kind == eventFailed {
			got.word = string(ev.Err.Code)
		}
		if err := prompt(since, s.ended); err != nil && !s.ended.IsZero() {
			return fmt.Errorf("the terminal event: %w", err)
		}
		return s.isRight(got)
	case eventQueued:
		if s.generating && len(s.sizes) > 0 || ev.Position < 1 {
			return fmt.Errorf("queued at %d", ev.Position)
		}
	case eventStarted:
		if s.prepared.IsZero() || last > 0 {
			return fmt.Errorf("started after %d", last)
		}
	case eventIdle:
	}
	if ev.Kind != eventChunk || ev.Seq > int64(s.taken) {
		s.taken = len(s.sizes)
	}
	return nil
}

// prompt finds fault with what comes now, if it could have come before: since it is there, and
// since its reader is free.
func prompt(times ...time.Time) error {
	if late := time.Since(slices.MaxFunc(times, time.Time.Compare)); late > aMoment {
		return fmt.Errorf("%v late", late)
	}
	return nil
}

func (s *truth) isRight(got terminal) error {
	for _, want := range s.terminals() {
		if got == want {
			return nil
		}
	}
	return fmt.Errorf("the last event is %v, not %v; told to stop: %v %s", got, s.terminals(), !s.canceled.IsZero(), s.why)
}
