package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/apierr"
	"penstock/sse"
	"penstock/stream"
)

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

// Preluder is a Finisher of a protocol whose streams need more than a terminal event to fail.
type Preluder interface {
	// Prelude returns the events that come before the terminal event of a stream that failed. Fail
	// is called next. They stay as they are.
	Prelude(err *apierr.Error) []sse.Event
}

// StreamOptions are the fields of stream.Config that a request decides. The zero value is a plain
// stream.
type StreamOptions struct {
	Dialect  string // the protocol that the events are encoded in
	Buffer   int    // bytes of memory for events that are kept; 0: stream.DefaultBuffer
	Lease    time.Duration
	Detached bool
	Owner    string // identifies the credential of the caller; may be empty
	Model    string // the model as the client named it; "": its own name
}

// Generation is the typed handle of a Generator verb.
type Generation[In, Chunk any] struct {
	verb     *Verb
	waits    bool // Generator.Waits
	check    func(In) error
	generate func(ctx context.Context, c *Call, in In, wait waiting, emit func(...Chunk) error) (End, error)
}

// waiting is notified when a generation joins the queue, and when it gets its permit.
type waiting interface {
	Queued(position func() int)
	Running()
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

// Check returns the error of Admit if it would fail now, as Verb.Check does.
func (g *Generation[In, Chunk]) Check(c Caller) error { return g.verb.Check(c) }

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
	c.caller.Trace.made(count.chunks, count.first)
	c.Spent(end.usage)
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
		Info:   stream.Info{Model: cmp.Or(o.Model, m.name), Verb: c.verb.name, Dialect: o.Dialect, Owner: o.Owner},
		Caller: c.caller.Name, Buffer: o.Buffer, Lease: o.Lease, Detached: o.Detached, Observer: m.observer,
		Waits: g.waits, Absent: m.gate.absent(c.caller.Name),
	})
	if err != nil {
		return nil, apierr.From(err)
	}
	c.closed = true
	m.streams.Add(1)
	go func() {
		defer m.engine.end()
		out := &output[Chunk]{ctx: ctx, producer: p, encoder: enc}
		var end End
		err := guard(func() (err error) { end, err = g.generate(ctx, c, in, p, out.emit); return err })
		out.finish(c, end, err)
		c.ended()
	}()
	return p.Stream(), nil
}

// output is where the chunks of a stream's generation go. It is a value of its own, with calls that
// are not inlined, to keep the stack small that each open stream holds: 4 KiB of frames or more
// would keep 16 KiB.
type output[Chunk any] struct {
	ctx      context.Context // it lives for one call of Generate
	producer *stream.Producer
	encoder  Encoder[Chunk]
	events   []sse.Event
}

// emit encodes and appends chunks.
func (o *output[Chunk]) emit(chunks ...Chunk) (err error) {
	if o.events, err = o.encoder.Encode(o.events[:0], chunks); err != nil {
		return err
	}
	return o.producer.Append(o.ctx, o.events)
}

// finish ends the stream.
//
//go:noinline
func (o *output[Chunk]) finish(c *Call, end End, err error) {
	m := c.verb.model
	var terminal sse.Event
	if err == nil {
		terminal, err = complete(o.ctx, o.producer, o.encoder, end, o.events[:0])
	}
	c.slot.Leave() // before a reader can see the end, and send the next request
	outcome, failure := outcomeOf(o.ctx, err)
	var prelude []sse.Event
	if failure != nil {
		if p, ok := o.encoder.(Preluder); ok {
			prelude = p.Prelude(failure)
		}
		terminal = o.encoder.Fail(failure)
	}
	// A client that sees the end finds it counted and charged.
	m.streams.Add(-1)
	c.Spent(end.usage)
	m.observer.StreamClosed(outcome, end.usage, asError(failure))
	o.producer.End(o.ctx, stream.Terminal{Outcome: outcome, Event: terminal, Err: failure, Prelude: prelude})
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
	first    time.Time
	chunks   int
}

func (c *chunkCounter) add(n int) {
	now := time.Now()
	c.observer.Chunks(n, !c.begun, now.Sub(c.last))
	if !c.begun {
		c.first = now
	}
	c.chunks += n
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
