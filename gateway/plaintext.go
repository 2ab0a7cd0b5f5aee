package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
	"penstock/stream"
)

// mediaText is the media type of a response that is the generated text and nothing else, as it
// comes: for a shell, or for a page that shows it.
const mediaText = "text/plain"

// wantsText reports whether a client names text/plain, and prefers it to JSON and to events. To
// clients that name several alike, as axios does by default, goes the route's own form.
func wantsText(r *http.Request) bool {
	return accepts(r, mediaText) > max(accepts(r, mediaJSON), accepts(r, mediaEvents))
}

// textName is the dialect of the logs of such responses.
const textName dialect.Name = "penstock.text"

// textCodec is the native codec, but its events are the text alone. A text holds one choice, and
// neither reasoning nor tool calls.
type textCodec struct{ dialect.Codec }

func newTextCodec() textCodec { return textCodec{dialect.NewNative()} }

// Name implements dialect.Codec.
func (textCodec) Name() dialect.Name { return textName }

// Stream implements dialect.Codec.
func (c textCodec) Stream(r *dialect.Request) dialect.Encoder { return textEncoder{c.Codec.Stream(r)} }

// textEncoder begins and ends streams as the native encoder does.
type textEncoder struct{ dialect.Encoder }

// Encode implements dialect.Encoder.
func (textEncoder) Encode(into []sse.Event, deltas []dialect.Delta) ([]sse.Event, error) {
	for i := range deltas {
		if text := deltas[i].Text + deltas[i].Refusal; text != "" {
			into = append(into, sse.Event{Data: []byte(text)})
		}
	}
	return into, nil
}

// checkText refuses what a text cannot be.
func checkText(c *gin.Context, r *dialect.Request) error {
	switch {
	case r.Choices > 1:
		return &apierr.Error{Code: apierr.CodeNotAcceptable, Message: "text/plain holds one completion: request one, or accept application/json"}
	case c.GetHeader(headerResumable) == "1":
		return &apierr.Error{Code: apierr.CodeNotAcceptable, Message: "text/plain cannot be resumed, as it has no events: leave " + headerResumable + " out, or accept text/event-stream"}
	}
	return nil
}

// generateText runs a generation and sends its text as it comes. The model emits typed values for
// it, as for a client of another dialect than its server's.
func (g *Gateway) generateText(c *gin.Context, gen *generation, call *engine.Call, r *dialect.Request) error {
	r.Stream, r.Typed, r.Passthrough = true, true, nil
	ended := g.keepBody(c, call)
	s, err := gen.Start(c.Request.Context(), call, r, newEncoder(newTextCodec(), r), g.plainText(c))
	if err := started(c, s, err); err != nil {
		return err
	}
	return g.sendText(c, s, ended, r.Ignored, func(e sse.Event) ([]byte, error) { return e.Data, nil })
}

// nativeText is generateText for the native routes, and for models with an encoding of their own.
func (g *Gateway) nativeText(c *gin.Context, v nativeVerb, call *engine.Call, in engine.Input) error {
	if v.gen != nil {
		r, err := v.decode(in)
		if err == nil {
			err = checkText(c, r)
		}
		if err != nil {
			return err
		}
		return g.generateText(c, v.gen, call, r)
	}
	ended := g.keepBody(c, call)
	s, err := call.Start(c.Request.Context(), in, nativeFinisher{}, g.plainText(c))
	if err := started(c, s, err); err != nil {
		return err
	}
	return g.sendText(c, s, ended, func() []string { return nil }, textOf)
}

// plainText returns the options of a stream that ends with its reader.
func (g *Gateway) plainText(c *gin.Context) engine.StreamOptions {
	return engine.StreamOptions{Dialect: string(textName), Buffer: g.Buffer, Owner: ownerOf(c), Model: c.GetString(keyModel)}
}

// textOf returns the text of a chunk of a model with an encoding of its own.
func textOf(e sse.Event) ([]byte, error) {
	var chunk struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(e.Data, &chunk); err != nil || chunk.Text == nil {
		return nil, &apierr.Error{Code: apierr.CodeNotAcceptable, Message: "this model's chunks have no text: accept text/event-stream", Cause: err}
	}
	return []byte(*chunk.Text), nil
}

// sendText sends a stream's text. One that has failed, or is not sent whole, is broken off: a text
// has no place for an error, and must not look complete. Nor has it one for a heartbeat: while the
// model is silent nothing is sent, not even the head, so that a failure before the first text has a
// status of its own. So the head also names what was ignored of a request that was translated for a
// server, which is known once the model works.
func (g *Gateway) sendText(c *gin.Context, s *stream.Stream, ended <-chan struct{}, ignored func() []string, text func(sse.Event) ([]byte, error)) error {
	t := &textSink{eventWriter: g.newEventWriter(c), text: text, ignored: ignored}
	t.media = mediaText + "; charset=utf-8"
	err := s.Serve(c.Request.Context(), 0, g.Heartbeat, t)
	a := accessOf(c)
	a.chunks, a.first = t.chunks, t.first
	switch {
	case t.failed != nil && !t.begun:
		return t.failed
	case t.failed != nil:
		noteCause(c, t.failed)
		return errBroken
	}
	if err = errors.Join(t.err, err); err == nil {
		return nil
	}
	awaitTokens(ended)
	if !t.begun && !errors.Is(err, stream.ErrSlowReader) {
		return err
	}
	g.Metrics.readerDropped(err)
	return fmt.Errorf("%w: %w", errBroken, err)
}

// textSink is a connection as a stream.Sink that sends the text of events.
type textSink struct {
	*eventWriter
	text    func(sse.Event) ([]byte, error)
	ignored func() []string // the names for the head

	chunks int       // events sent
	first  time.Time // when the first of them was

	failed *apierr.Error // the stream's failure
	err    error         // why the sink takes no more
}

// Notice implements stream.Sink: a text has no place for one.
func (t *textSink) Notice(stream.Notice, bool) bool { return true }

// Events implements stream.Sink.
func (t *textSink) Events(events []sse.Event, _ int64, more bool) bool {
	if t.chunks == 0 && len(events) > 0 {
		t.first = time.Now()
	}
	t.chunks += len(events)
	for i, e := range events {
		text, err := t.text(e)
		if err != nil {
			t.err = err
			return false
		}
		t.begun = t.begun || len(text) > 0
		t.buf = append(t.buf, text...)
		if (more || i < len(events)-1) && len(t.buf) < batchBytes {
			continue
		}
		if t.err = t.send(); t.err != nil {
			return false
		}
	}
	return true
}

// send sends what is gathered.
func (t *textSink) send() error {
	if !t.c.Writer.Written() {
		setIgnored(t.c.Writer.Header(), t.ignored())
	}
	return t.flush()
}

// End implements stream.Sink.
func (t *textSink) End(end stream.Terminal, _ int64) bool {
	if t.err = t.send(); t.err != nil {
		return false
	}
	if end.Err != nil {
		t.failed = end.Err
		return false
	}
	if !t.c.Writer.Written() { // a text of nothing
		t.c.Header("Content-Type", t.media)
		t.c.Writer.WriteHeaderNow()
	}
	return true
}
