package engine

import (
	"context"

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
// were not taken. Beside an error, an End made by Unfinished says what was used up.
type Generator[In, Feed, Chunk any] struct {
	Preprocess func(ctx context.Context, in In) (Feed, error)
	Generate   func(ctx context.Context, feed Feed, emit func(...Chunk) error) (End, error)

	// Check rejects input that can never work, before a stream starts and outside the gate: its
	// error is that of Start and Run. nil: what is wrong is left to Preprocess to find.
	Check func(In) error

	// Waits lets the one reader of a plain stream hold Generate up: emit waits while the stream's
	// buffer is full. It is for models whose work is done elsewhere and waits at no cost, under
	// permits of their own: one that computes would keep the permit from others meanwhile. Without
	// it, and in streams that readers may come back to, emit never waits for a reader.
	Waits bool

	Decode func(Input) (In, error)        // nil: JSON, or a query by the types of In's fields
	Encode func(Chunk) (sse.Event, error) // nil: JSON without an event name
}

// Usage counts a generation's tokens; zero where they are not counted.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
	Estimated        bool // they were not counted by the model, but estimated from the text
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

// Unfinished is what Generate returns beside its error: no end, but what the generation has used up
// until then.
func Unfinished(u Usage) End { return End{usage: u} }

// Reason returns why the generation ended; "" only for the zero End.
func (e End) Reason() string { return e.reason }

// Usage returns the generation's tokens.
func (e End) Usage() Usage { return e.usage }

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
	h := &Generation[In, Chunk]{waits: g.Waits, check: g.Check, generate: g.run}
	h.verb = &Verb{name: verb, handle: h, start: g.starts(h), collect: g.collects(h)}
	m.register(h.verb)
	return h
}

// run runs the steps of one request.
func (g Generator[In, Feed, Chunk]) run(ctx context.Context, c *Call, in In, wait waiting, emit func(...Chunk) error) (End, error) {
	feed, err := phase(ctx, c.verb.model, PhasePreprocess, g.Preprocess, in)
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
	switch {
	case err != nil:
		return end, err
	case lost != nil: // a generator that ignored it has not emitted all it thinks it has
		return end, lost
	case end.reason == "":
		return end, ErrNoEnd
	}
	return end, nil
}

// starts returns how a stream is started from bytes.
func (g Generator[In, Feed, Chunk]) starts(h *Generation[In, Chunk]) startFunc {
	return func(ctx context.Context, c *Call, in Input, f Finisher, o StreamOptions) (*stream.Stream, error) {
		value, err := decoded(g.Decode, in)
		if err != nil {
			return nil, err
		}
		return h.Start(ctx, c, value, &eachEncoder[Chunk]{encode: g.Encode, Finisher: f}, o)
	}
}

// collects returns how a generation without a stream is run from bytes.
func (g Generator[In, Feed, Chunk]) collects(h *Generation[In, Chunk]) collectFunc {
	return func(ctx context.Context, c *Call, in Input, take func(sse.Event) error) (End, error) {
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
}
