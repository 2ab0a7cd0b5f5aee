package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

// Generator produces its result as it goes. It has no postprocess step, and no field to put one
// in: what a chunk needs is done while generating, or by its reader.
//
// Generate runs under one permit from its first step to its last. It calls emit for each chunk, or
// for several that arrived together and may be sent together, from one goroutine; when emit has
// returned, their memory is Generate's again. emit fails once the chunks are no longer wanted, and
// Generate then returns that error. It returns an End, made by Stopped, LengthReached or Ended,
// when the generation is complete; anything else is a failure, and so is an End after chunks that
// were not taken.
type Generator[In, Feed, Chunk any] struct {
	Preprocess func(ctx context.Context, in In) (Feed, error)
	Generate   func(ctx context.Context, feed Feed, emit func(...Chunk) error) (End, error)

	// Check rejects input that can never work, before a stream starts and outside the gate: its
	// error is that of Start and Run. nil: what is wrong is left to Preprocess to find.
	Check func(In) error

	Decode func(Input) (In, error)        // nil: JSON, or a query by the types of In's fields
	Encode func(Chunk) (sse.Event, error) // nil: JSON without an event name
}

// Usage counts a generation's tokens; zero where they are not counted.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
}

// End says that a generation is complete, and why. The zero End says nothing, and is a failure.
type End struct {
	reason string
	usage  Usage
}

// The reasons of local models.
const (
	ReasonStop   = "stop"
	ReasonLength = "length"
)

// Stopped is the End of a generation that reached its own end, or a stop string.
func Stopped(u Usage) End { return End{reason: ReasonStop, usage: u} }

// LengthReached is the End of a generation that reached its limit of tokens.
func LengthReached(u Usage) End { return End{reason: ReasonLength, usage: u} }

// Ended is the End of a remote generation, with the reason the remote model gave, "" being "stop".
func Ended(reason string, u Usage) End {
	if reason == "" {
		reason = ReasonStop
	}
	return End{reason: reason, usage: u}
}

// Reason returns why the generation ended; "" only for the zero End.
func (e End) Reason() string { return e.reason }

// Usage returns the generation's tokens.
func (e End) Usage() Usage { return e.usage }

// Encoder makes the events of one stream, in one protocol, of a generation's chunks and its end.
// It is for one goroutine. Appended events, and their data, need to be good only until its next
// call.
type Encoder[Chunk any] interface {
	// Encode appends the events of chunks that arrived together, which may be none.
	Encode(into []sse.Event, chunks []Chunk) ([]sse.Event, error)
	Finisher
}

// Finisher makes the last events of a stream.
type Finisher interface {
	// End appends the events at the end of a complete stream: at least one, of which the last is
	// the terminal event.
	End(into []sse.Event, end End) ([]sse.Event, error)
	// Fail returns the terminal event of a stream that failed or was canceled.
	Fail(err *apierr.Error) sse.Event
}

// StreamOptions are the fields of stream.Config that a request decides. The zero value is a plain
// stream.
type StreamOptions struct {
	Dialect  string // the protocol that the events are encoded in
	Buffer   int    // bytes of memory for events that are kept; 0: stream.DefaultBuffer
	Lease    time.Duration
	Detached bool
}

// Generation is the typed handle of a Generator verb.
type Generation[In, Chunk any] struct {
	verb     *Verb
	check    func(In) error
	generate func(ctx context.Context, c *Call, in In, wait waiting, emit func(...Chunk) error) (End, error)
}

// waiting is notified when a generation joins the queue, and when it gets its permit.
type waiting interface {
	Queued(position func() int)
	Running()
}

// Generates registers a Generator as a verb of the model. It panics if one of its two steps is
// missing, or the verb is refused by Options.Accept.
func Generates[In, Feed, Chunk any](m *Model, verb string, g Generator[In, Feed, Chunk]) *Generation[In, Chunk] {
	if g.Preprocess == nil || g.Generate == nil {
		panic("engine: a Generator needs Preprocess and Generate")
	}
	if g.Decode == nil {
		g.Decode = decodeInput[In]
	}
	if g.Encode == nil {
		g.Encode = func(c Chunk) (sse.Event, error) {
			b, err := encodeJSON(c)
			return sse.Event{Data: b}, err
		}
	}
	if g.Check == nil {
		g.Check = func(In) error { return nil }
	}
	h := &Generation[In, Chunk]{check: g.Check, generate: func(ctx context.Context, c *Call, in In, wait waiting, emit func(...Chunk) error) (End, error) {
		feed, err := phase(ctx, m, PhasePreprocess, g.Preprocess, in)
		if err != nil {
			return End{}, err
		}
		waiter := c.join()
		wait.Queued(waiter.Position)
		permit, err := c.permit(ctx, waiter)
		if err != nil {
			return End{}, err
		}
		defer permit.Release()
		wait.Running()
		var lost error // why chunks were not taken
		end, err := g.Generate(ctx, feed, func(chunks ...Chunk) error {
			if lost != nil {
				return lost
			}
			if lost = context.Cause(ctx); lost == nil {
				lost = emit(chunks...)
			}
			return lost
		})
		if err == nil && lost != nil { // a generator that ignored it has not emitted all it thinks it has
			err = lost
		}
		if err == nil && end.reason == "" {
			err = ErrNoEnd
		}
		return end, err
	}}
	h.verb = &Verb{name: verb, handle: h}
	h.verb.start = func(ctx context.Context, c *Call, in Input, f Finisher, o StreamOptions) (*stream.Stream, error) {
		value, err := decoded(g.Decode, in)
		if err != nil {
			return nil, err
		}
		return h.Start(ctx, c, value, &eachEncoder[Chunk]{encode: g.Encode, Finisher: f}, o)
	}
	h.verb.collect = func(ctx context.Context, c *Call, in Input, take func(sse.Event) error) (End, error) {
		value, err := decoded(g.Decode, in)
		if err != nil {
			return End{}, err
		}
		return h.Run(ctx, c, value, func(chunks ...Chunk) error {
			for _, chunk := range chunks {
				e, err := g.Encode(chunk)
				if err == nil {
					err = take(e)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	m.register(h.verb)
	return h
}

// GenerationOf returns the typed handle of a model's verb, if it has one of these types.
func GenerationOf[In, Chunk any](m *Model, verb string) (*Generation[In, Chunk], bool) {
	v, ok := m.Verb(verb)
	if !ok {
		return nil, false
	}
	return GenerationHandle[In, Chunk](v)
}

// GenerationHandle returns the typed handle of a verb, if it has one of these types.
func GenerationHandle[In, Chunk any](v *Verb) (*Generation[In, Chunk], bool) {
	g, ok := v.handle.(*Generation[In, Chunk])
	return g, ok
}

// Admit takes a slot inside the model's gate, as Verb.Admit does.
func (g *Generation[In, Chunk]) Admit(c Caller) (*Call, error) { return g.verb.Admit(c) }

// Run generates without a stream: the chunks go to emit, and the End is returned. It stops when
// ctx ends, or on Engine.Cancel. Errors are *apierr.Error.
func (g *Generation[In, Chunk]) Run(ctx context.Context, c *Call, in In, emit func(...Chunk) error) (End, error) {
	if err := guard(func() error { return g.check(in) }); err != nil {
		return End{}, apierr.From(err)
	}
	m := c.verb.model
	ctx, over := m.engine.run(ctx, c)
	defer over()
	m.streams.Add(1)
	count := chunkCounter{observer: m.observer, last: time.Now()}
	var end End
	err := guard(func() (err error) {
		end, err = g.generate(ctx, c, in, unwatched{}, func(chunks ...Chunk) error {
			count.add(len(chunks))
			return emit(chunks...)
		})
		return err
	})
	m.streams.Add(-1)
	outcome, failure := outcomeOf(ctx, err)
	m.observer.StreamClosed(outcome, end.usage, asError(failure))
	if failure != nil {
		return End{}, failure
	}
	return end, nil
}

// Start starts a stream, encoded by enc, and returns it. The call's slot is the stream's from then
// on. The stream runs on when ctx ends, until it is done or no reader can get it any more: the
// caller serves it, or cancels it. Values of ctx (a request id for the log) stay visible to the
// model. Errors are *apierr.Error; everything that fails later is in the stream.
func (g *Generation[In, Chunk]) Start(ctx context.Context, c *Call, in In, enc Encoder[Chunk], o StreamOptions) (*stream.Stream, error) {
	if err := guard(func() error { return g.check(in) }); err != nil {
		return nil, apierr.From(err)
	}
	m := c.verb.model
	ctx, p, err := m.engine.streams.Create(ctx, stream.Config{
		Info:   stream.Info{Model: m.name, Verb: c.verb.name, Dialect: o.Dialect},
		Buffer: o.Buffer, Lease: o.Lease, Detached: o.Detached, Observer: m.observer,
	})
	if err != nil {
		return nil, apierr.From(err)
	}
	c.closed = true
	m.streams.Add(1)
	go func() {
		defer m.engine.end()
		var end End
		var events []sse.Event
		err := guard(func() (err error) {
			end, err = g.generate(ctx, c, in, p, func(chunks ...Chunk) (err error) {
				if events, err = enc.Encode(events[:0], chunks); err != nil {
					return err
				}
				return p.Append(ctx, events)
			})
			return err
		})
		var terminal sse.Event
		if err == nil {
			terminal, err = complete(ctx, p, enc, end, events[:0])
		}
		c.slot.Leave() // before a reader can see the end, and send the next request
		outcome, failure := outcomeOf(ctx, err)
		if failure != nil {
			terminal = enc.Fail(failure)
		}
		// A client that sees the end finds it counted.
		m.streams.Add(-1)
		m.observer.StreamClosed(outcome, end.usage, asError(failure))
		p.End(ctx, stream.Terminal{Outcome: outcome, Event: terminal, Err: failure})
	}()
	return p.Stream(), nil
}

// complete appends what comes before the terminal event of a complete stream, and returns that.
func complete(ctx context.Context, p *stream.Producer, f Finisher, end End, into []sse.Event) (terminal sse.Event, err error) {
	err = guard(func() error {
		events, err := f.End(into, end)
		if err != nil {
			return fmt.Errorf("encode the end: %w", err)
		}
		if len(events) == 0 {
			return errors.New("encode the end: there is no terminal event")
		}
		last := len(events) - 1
		terminal = events[last]
		if err := p.Append(ctx, events[:last]); err != nil {
			return err
		}
		return p.Flush(ctx)
	})
	return terminal, err
}

// outcomeOf returns how a generation ended, and its failure, nil if it is done.
func outcomeOf(ctx context.Context, err error) (stream.Outcome, *apierr.Error) {
	if err == nil {
		return stream.OutcomeDone, nil
	}
	if ctx.Err() != nil { // a producer that was canceled may report it in its own way; the cause counts
		err = canceled(context.Cause(ctx))
	}
	failure := apierr.From(err)
	if failure.Code == apierr.CodeCanceled {
		return stream.OutcomeCanceled, failure
	}
	return stream.OutcomeFailed, failure
}

// asError keeps a nil *apierr.Error from becoming an error that is not nil.
func asError(e *apierr.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// unwatched is the waiting of a generation that no stream reports on.
type unwatched struct{}

func (unwatched) Queued(func() int) {}
func (unwatched) Running()          {}

// chunkCounter reports the chunks of a generation without a stream to its observer.
type chunkCounter struct {
	observer ModelObserver
	begun    bool
	last     time.Time
}

func (c *chunkCounter) add(n int) {
	now := time.Now()
	c.observer.Chunks(n, !c.begun, now.Sub(c.last))
	c.begun, c.last = true, now
}

// eachEncoder encodes chunk by chunk.
type eachEncoder[Chunk any] struct {
	encode func(Chunk) (sse.Event, error)
	Finisher
}

// Encode implements Encoder.
func (e *eachEncoder[Chunk]) Encode(into []sse.Event, chunks []Chunk) ([]sse.Event, error) {
	for _, c := range chunks {
		event, err := e.encode(c)
		if err != nil {
			return nil, fmt.Errorf("encode a chunk: %w", err)
		}
		into = append(into, event)
	}
	return into, nil
}
