package engine_test

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"penstock/apierr"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// testEnd is the data of the terminal event of a test's streams, as JSON.
type testEnd struct {
	Reason string       `json:"reason,omitempty"`
	Usage  engine.Usage `json:"usage,omitzero"`
	Code   apierr.Code  `json:"code,omitempty"`
}

var (
	nameDone   = sse.MustName("done")
	nameFailed = sse.MustName("failed")
)

// finisher ends a test's streams.
type finisher struct{}

func (finisher) End(into []sse.Event, end engine.End) ([]sse.Event, error) {
	data, err := json.Marshal(testEnd{Reason: end.Reason(), Usage: end.Usage()})
	return append(into, sse.Event{Name: nameDone, Data: data}), err
}

func (finisher) Fail(err *apierr.Error) sse.Event {
	data, _ := json.Marshal(testEnd{Code: err.Code})
	return sse.Event{Name: nameFailed, Data: data}
}

// encoder encodes chunks by a function.
type encoder[Chunk any] struct {
	encode func(Chunk) (sse.Event, error)
	finisher
}

func (e encoder[Chunk]) Encode(into []sse.Event, chunks []Chunk) ([]sse.Event, error) {
	for _, c := range chunks {
		event, err := e.encode(c)
		if err != nil {
			return nil, err
		}
		into = append(into, event)
	}
	return into, nil
}

func text(s string) (sse.Event, error) { return sse.Event{Data: []byte(s)}, nil }

// begin admits a request and starts its stream.
func begin(ctx context.Context, g *engine.Generation[string, string], in string, o engine.StreamOptions) (*stream.Stream, error) {
	return beginWith(ctx, g, in, encoder[string]{encode: text}, o)
}

func beginWith[In, Chunk any](ctx context.Context, g *engine.Generation[In, Chunk], in In, e engine.Encoder[Chunk], o engine.StreamOptions) (*stream.Stream, error) {
	call, err := g.Admit(engine.Caller{})
	if err != nil {
		return nil, err
	}
	defer call.Close()
	return g.Start(ctx, call, in, e, o)
}

// do admits a request and runs its verb.
func do[In, Out any](ctx context.Context, p *engine.Prediction[In, Out], in In) (out Out, err error) {
	call, err := p.Admit(engine.Caller{})
	if err != nil {
		return out, err
	}
	defer call.Close()
	return p.Do(ctx, call, in)
}

// eventKind is the kind of an event that a sink gets.
type eventKind int

const (
	eventQueued eventKind = iota + 1
	eventStarted
	eventChunk
	eventIdle
	eventDone
	eventFailed
)

// event is whatever a sink gets, as one value.
type event struct {
	Kind     eventKind
	Seq      int64
	Name     string
	Data     []byte
	Position int
	End      testEnd
	Err      *apierr.Error
}

// noticed returns a notice as an event.
func noticed(n stream.Notice) event {
	kind := map[stream.NoticeKind]eventKind{stream.Queued: eventQueued, stream.Started: eventStarted, stream.Idle: eventIdle}[n.Kind]
	return event{Kind: kind, Position: n.Position}
}

// ended returns a terminal event. It panics if that contradicts itself.
func ended(t stream.Terminal, number int64) event {
	ev := event{Kind: eventDone, Seq: number, Err: t.Err}
	if err := json.Unmarshal(t.Event.Data, &ev.End); err != nil {
		panic(err)
	}
	if t.Outcome != stream.OutcomeDone {
		ev.Kind = eventFailed
	}
	if (t.Err != nil) != (ev.Kind == eventFailed) || (t.Event.Name == nameFailed) != (ev.Kind == eventFailed) {
		panic("a terminal event that contradicts itself")
	}
	return ev
}

// loop is the sink of a loop's body, which runs in the loop's goroutine only.
type loop func(event) bool

func (l loop) Notice(n stream.Notice, _ bool) bool      { return l(noticed(n)) }
func (l loop) End(t stream.Terminal, number int64) bool { return l(ended(t, number)) }
func (loop) Ready(int) bool                             { return false }
func (l loop) Events(events []sse.Event, first int64, _ bool) bool {
	for i, e := range events {
		if !l(event{Kind: eventChunk, Seq: first + int64(i), Name: e.Name.String(), Data: e.Data}) {
			return false
		}
	}
	return true
}

// follow yields a stream's events as Serve sends them; an error is the last thing it yields.
func follow(ctx context.Context, s *stream.Stream, after int64, idle time.Duration) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		left := false
		err := s.Serve(ctx, after, idle, loop(func(e event) bool {
			left = !yield(e, nil)
			return !left
		}))
		if err != nil && !left {
			yield(event{}, err)
		}
	}
}

// eventCost is what package stream counts a kept event as, beside its data.
const eventCost = 80

// cancel ends a stream as no longer wanted.
func cancel(s *stream.Stream) { s.Cancel(stream.ErrNoReader) }
