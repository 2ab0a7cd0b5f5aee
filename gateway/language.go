package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/memory"
	"penstock/sse"
	"penstock/stream"
)

// headerResumable asks for a stream that can be resumed, at the response's Location.
const headerResumable = "X-Penstock-Resumable"

// generate serves the route of a dialect whose requests name their model: any language model
// generates, and the codec renders what it emits.
func (g *Gateway) generate(codec dialect.Codec) gin.HandlerFunc {
	return g.rendering(codec, func(c *gin.Context) error {
		body, err := g.readBody(c)
		if err != nil {
			return err
		}
		r, err := codec.Decode(dialect.Input{Body: body, MediaType: c.GetHeader("Content-Type")})
		if err != nil {
			return err
		}
		m, err := g.namedModel(c, r.Model)
		if err != nil {
			return err
		}
		gen, ok := engine.GenerationOf[*dialect.Request, dialect.Delta](m, verbGenerate)
		if !ok {
			return notSupported(m)
		}
		text := wantsText(c.Request)
		if text {
			if err := checkText(c, r); err != nil {
				return err
			}
		}
		call, err := g.admit(c, gen.Admit, work{expects: r.Expectation, generates: true, stream: r.Stream || text})
		if err != nil {
			return err
		}
		defer call.Close()
		g.setClient(c, &r.Call)
		if text {
			return g.generateText(c, gen, call, r)
		}
		if !r.Stream {
			return g.generateWhole(c, codec, gen, call, r)
		}
		o := g.plain(codec)
		resumable := c.GetHeader(headerResumable) == "1"
		if resumable {
			o = g.detached(codec)
		}
		o.Owner, o.Model = ownerOf(c), r.Model
		head := &streamHead{limited: identityOf(c) != nil}
		r.Passthrough = head
		ended := g.keepBody(c, call)
		s, err := gen.Start(c.Request.Context(), call, r, newEncoder(codec, r), o)
		if err := started(c, s, err); err != nil {
			return err
		}
		setIgnored(c.Writer.Header(), r.Ignored())
		if resumable {
			c.Header("Location", streamURL(s))
		}
		err = g.follow(c, s, position{}, head)
		if resumable && !c.Writer.Written() { // no client has learned where it could be read
			s.Cancel(stream.ErrNoReader)
		}
		if err != nil && !resumable {
			awaitTokens(ended)
		}
		return err
	})
}

// generateWhole runs a generation to its end and responds with the whole of it: gathered from its
// deltas, or passed through from a server that uses the client's dialect.
func (g *Gateway) generateWhole(c *gin.Context, codec dialect.Codec, gen *generation, call *engine.Call, r *dialect.Request) error {
	pass := g.newPassthrough(c)
	r.Passthrough = pass
	gatherer := codec.Whole(r)
	end, err := gen.Run(c.Request.Context(), call, r, reserving(c.Request.Context(), g.heldOf(c).answer, gatherer.Add))
	if err != nil {
		return err
	}
	if pass.begun {
		return pass.finish()
	}
	setIgnored(c.Writer.Header(), r.Ignored())
	body, err := gatherer.Whole(endOf(end))
	if err != nil {
		return fmt.Errorf("gather the deltas of model %q: %w", r.Model, err)
	}
	return g.writeBody(c, http.StatusOK, mediaJSON+"; charset=utf-8", body)
}

// namedModel returns the model that a request's body names.
func (g *Gateway) namedModel(c *gin.Context, name string) (*engine.Model, error) {
	if name == "" {
		return nil, &dialect.Error{
			Status: http.StatusBadRequest, Type: dialect.InvalidRequest, Param: "model", Code: "missing_required_parameter",
			Message: "you must provide a model parameter",
		}
	}
	return g.model(c, name)
}

func notSupported(m *engine.Model) error {
	return &dialect.Error{
		Status: http.StatusNotFound, Type: dialect.InvalidRequest, Param: "model", Code: "model_not_supported",
		Message: fmt.Sprintf("model %q does not do this; GET /v1/models/%s says what it does", m.Name(), m.Name()),
	}
}

// bearer returns the client's own key, which some upstreams are sent.
func bearer(h http.Header) string {
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

func endOf(e engine.End) dialect.End {
	u := e.Usage()
	if u.Estimated { // a client is sent what a model has counted, and nothing else
		u = engine.Usage{}
	}
	return dialect.End{Reason: e.Reason(), Usage: dialect.Usage{
		PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens,
	}}
}

// encoder is a dialect's encoder as the engine's.
type encoder struct {
	dialect.Encoder
	codec dialect.Codec
}

func newEncoder(codec dialect.Codec, r *dialect.Request) *encoder {
	return &encoder{codec.Stream(r), codec}
}

// Encode implements engine.Encoder. An event that clients would take for the end of the stream is
// refused: only End and Fail make one. What a Reader has read is known to be none.
func (e *encoder) Encode(into []sse.Event, deltas []dialect.Delta) ([]sse.Event, error) {
	events, err := e.Encoder.Encode(into, deltas)
	if err != nil || allRead(deltas) {
		return events, err
	}
	for _, event := range events[len(into):] {
		if e.codec.Ends(event) {
			return nil, fmt.Errorf("%w: %.40q %.40q", errForged, event.Name, event.Data)
		}
	}
	return events, nil
}

// Prelude implements engine.Preluder.
func (e *encoder) Prelude(err *apierr.Error) []sse.Event {
	if p, ok := e.Encoder.(dialect.Preluder); ok {
		return p.Prelude(err)
	}
	return nil
}

// allRead reports whether all deltas are what a Reader has read.
func allRead(deltas []dialect.Delta) bool {
	for i := range deltas {
		if !deltas[i].Read {
			return false
		}
	}
	return true
}

// End implements engine.Finisher. Clients take the last event for the end of the stream, and none
// before it.
func (e *encoder) End(into []sse.Event, end engine.End) ([]sse.Event, error) {
	events, err := e.Encoder.End(into, endOf(end))
	if err != nil {
		return nil, err
	}
	for i := len(into); i < len(events); i++ {
		if e.codec.Ends(events[i]) != (i == len(events)-1) {
			return nil, fmt.Errorf("%w: %.40q %.40q", errForged, events[i].Name, events[i].Data)
		}
	}
	return events, nil
}

// nativeFinisher makes the native end of streams of models that are no language models.
type nativeFinisher struct{}

// End implements engine.Finisher.
func (nativeFinisher) End(into []sse.Event, end engine.End) ([]sse.Event, error) {
	e := endOf(end)
	return append(into, dialect.NativeEnd(e)), nil
}

// Fail implements engine.Finisher.
func (nativeFinisher) Fail(err *apierr.Error) sse.Event { return dialect.NativeFail(err) }

// nativeVerb is what generates on the native routes: a language model's verb by the native codec,
// or a generator of another kind by its own encoding.
type nativeVerb struct {
	verb  *engine.Verb
	gen   *generation // nil: another kind of generator
	codec dialect.Codec
	name  string // the model's, as the request has it
}

// nativeVerb returns the model's generator, if it has one.
func (g *Gateway) nativeVerb(m *engine.Model) (nativeVerb, bool) {
	if v, ok := m.Verb(verbStream); ok { // a model's own encoding comes first
		return nativeVerb{verb: v, codec: g.codecs.native, name: m.Name()}, true
	}
	gen, ok := engine.GenerationOf[*dialect.Request, dialect.Delta](m, verbGenerate)
	if !ok {
		return nativeVerb{}, false
	}
	v, _ := m.Verb(verbGenerate)
	return nativeVerb{verb: v, gen: gen, codec: g.codecs.native, name: m.Name()}, true
}

// decode reads a language model's native request.
func (v nativeVerb) decode(in engine.Input) (*dialect.Request, error) {
	r, err := v.codec.Decode(dialect.Input{Body: in.Body, Query: in.Parameters, MediaType: in.MediaType})
	if err == nil {
		r.Model = v.name
		r.Header, r.Credential = in.Header, bearer(in.Header)
	}
	return r, err
}

// start starts a stream. What of the request is ignored is named in the header.
func (v nativeVerb) start(ctx context.Context, header http.Header, call *engine.Call, in engine.Input, o engine.StreamOptions) (*stream.Stream, error) {
	if v.gen == nil {
		return call.Start(ctx, in, nativeFinisher{}, o)
	}
	r, err := v.decode(in)
	if err != nil {
		return nil, err
	}
	r.Stream = true
	s, err := v.gen.Start(ctx, call, r, newEncoder(v.codec, r), o)
	if err == nil {
		setIgnored(header, r.Ignored())
	}
	return s, err
}

// whole runs the generation to its end and returns the whole of it as JSON. What of the request is
// ignored is named in the header.
func (v nativeVerb) whole(ctx context.Context, header http.Header, held *memory.Reservation, call *engine.Call, in engine.Input) ([]byte, error) {
	if v.gen != nil {
		r, err := v.decode(in)
		if err != nil {
			return nil, err
		}
		gatherer := v.codec.Whole(r)
		end, err := v.gen.Run(ctx, call, r, reserving(ctx, held, gatherer.Add))
		if err != nil {
			return nil, err
		}
		setIgnored(header, r.Ignored())
		return gatherer.Whole(endOf(end))
	}
	var chunks dialect.NativeChunks
	end, err := call.Collect(ctx, in, func(e sse.Event) error {
		if err := held.Grow(ctx, keptTwice*int64(len(e.Data))); err != nil {
			return err //nolint:wrapcheck // it is for the client
		}
		return chunks.Add(e)
	})
	if err != nil {
		return nil, err
	}
	return chunks.Whole(endOf(end))
}
