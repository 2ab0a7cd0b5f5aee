package engine

import "context"

// Generator writes as it goes. It has no postprocess step, and no field to put one in: what a chunk needs is done while
// generating, or by whoever reads.
//
// Generate runs under one permit from its first step to its last. It calls emit for each chunk, or for several that came
// together and may go out together, from one goroutine; when emit has returned, their memory is its own again. emit fails
// once nobody wants the stream any more, and Generate then returns that error. It returns an End, made by Stopped,
// LengthReached or Ended, when the generation is complete; anything else is a failure, and so is an End after chunks that
// were not taken.
type Generator[In, Feed, Chunk any] struct {
	Preprocess func(ctx context.Context, in In) (Feed, error)
	Generate   func(ctx context.Context, feed Feed, emit func(...Chunk) error) (End, error)

	Decode func(Input) (In, error)      // nil: JSON
	Encode func(Chunk) (Encoded, error) // nil: JSON without an event name, but an Encoded as it is
}

// Usage counts a generation's tokens; zero where nobody counted.
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

// Stopped is the End of a generation that came to its own end, or to a stop string.
func Stopped(u Usage) End { return End{reason: ReasonStop, usage: u} }

// LengthReached is the End of a generation that came to its limit of tokens.
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

// Generation is the typed handle of a Generator verb.
type Generation[In any] struct {
	verb  *Verb
	start func(ctx context.Context, c *Call, in In, o StreamOptions) (*Stream, error)
}

// Generates registers a Generator as a verb of the model. It panics if one of its two steps is missing.
func Generates[In, Feed, Chunk any](m *Model, verb string, g Generator[In, Feed, Chunk]) *Generation[In] {
	if g.Preprocess == nil || g.Generate == nil {
		panic("engine: a Generator needs Preprocess and Generate")
	}
	if g.Decode == nil {
		g.Decode = decodeJSON[In]
	}
	start := func(ctx context.Context, c *Call, in In, o StreamOptions) (*Stream, error) {
		return startStream(ctx, c, o, func(ctx context.Context, s *Stream) (End, error) {
			feed, err := phase(ctx, m, PhasePreprocess, g.Preprocess, in)
			if err != nil {
				return End{}, err
			}
			waiter := c.join()
			s.wait(waiter)
			permit, err := c.permit(ctx, waiter)
			if err != nil {
				return End{}, err
			}
			defer permit.Release()
			s.run()
			encode := encoder(g.Encode)
			var lost error // why chunks were not taken
			end, err := g.Generate(ctx, feed, func(chunks ...Chunk) error {
				if lost != nil {
					return lost
				}
				if lost = context.Cause(ctx); lost != nil {
					return lost
				}
				var encoded []Encoded
				if encoded, lost = encode(chunks); lost == nil {
					lost = s.append(encoded)
				}
				return lost
			})
			if err == nil && lost != nil { // a generator that did not heed it has not written all it thinks it has
				return End{}, lost
			}
			return end, err
		})
	}
	v := &Verb{name: verb, start: func(ctx context.Context, c *Call, in Input, o StreamOptions) (*Stream, error) {
		var value In
		if err := guard(func() (err error) { value, err = g.Decode(in); return err }); err != nil {
			return nil, err
		}
		return start(ctx, c, value, o)
	}}
	m.register(v)
	return &Generation[In]{verb: v, start: start}
}

// Start admits the caller and starts a stream. Who starts one follows it, or cancels it. Errors are *apierr.Error.
func (g *Generation[In]) Start(ctx context.Context, in In, o StreamOptions) (*Stream, error) {
	call, err := g.verb.Admit(Caller{})
	if err != nil {
		return nil, err
	}
	defer call.Close()
	return g.start(ctx, call, in, o)
}

// encoder returns what encodes chunks that come together. Its result is good until it is called again.
func encoder[Chunk any](encode func(Chunk) (Encoded, error)) func([]Chunk) ([]Encoded, error) {
	if encode == nil {
		encode = func(c Chunk) (Encoded, error) {
			b, err := encodeJSON(c)
			return Encoded{Data: b}, err
		}
		if same, ok := any(func(chunks []Encoded) ([]Encoded, error) { return chunks, nil }).(func([]Chunk) ([]Encoded, error)); ok {
			return same
		}
	}
	var encoded []Encoded
	return func(chunks []Chunk) ([]Encoded, error) {
		encoded = encoded[:0]
		for _, c := range chunks {
			e, err := encode(c)
			if err != nil {
				return nil, err
			}
			encoded = append(encoded, e)
		}
		return encoded, nil
	}
}
