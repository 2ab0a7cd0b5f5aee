package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"penstock/engine"
)

// usage is the shape tokens are counted in.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func usageOf(u engine.Usage) usage {
	return usage{u.PromptTokens, u.CompletionTokens, u.PromptTokens + u.CompletionTokens}
}

// getStream answers GET /v1/models/{name}/stream: EventSource's way in, its input in the query.
func (g *Gateway) getStream(c *gin.Context, m *engine.Model) error {
	v, ok := m.Verb(verbStream)
	if !ok {
		return noVerb(m, verbStream)
	}
	id, from, err := lastEventID(c.Request)
	if err != nil {
		return err
	}
	if from.again {
		return g.resumeModelStream(c, m, id, from)
	}
	values, err := query(c.Request)
	if err != nil {
		return err
	}
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		return err
	}
	defer call.Close()
	if wantsWhole(c.Request) {
		return g.gather(c, call, engine.Input{Query: values})
	}
	// Its EventSource may come back after a cut, and is waited for.
	return g.stream(c, call, engine.Input{Query: values}, engine.StreamOptions{Buffer: g.Buffer, Lease: g.Retry + leaseAfterRetry})
}

// stream starts a generation and writes its events in the native dialect.
func (g *Gateway) stream(c *gin.Context, call *engine.Call, in engine.Input, o engine.StreamOptions) error {
	s, err := call.Start(c.Request.Context(), in, o)
	if err != nil {
		return err
	}
	return g.follow(c, s, place{})
}

// follow writes a stream's events from some place on.
func (g *Gateway) follow(c *gin.Context, s *engine.Stream, from place) error {
	n := nativeStream{eventStream: g.newEventStream(c), stream: s, after: from.after, retry: g.Retry}
	out := outlet{eventStream: n.eventStream, again: from.again, render: n.render, chunk: n.chunk}
	return out.run(g, c, s, from.after)
}

// nativeStream puts a stream's events into the native dialect.
type nativeStream struct {
	*eventStream
	stream *engine.Stream
	after  int64 // where this connection began
	retry  time.Duration
}

// greet opens every connection.
func (n *nativeStream) greet() {
	if !n.begun {
		n.open(n.eventID(n.after), n.retry)
	}
}

func (n *nativeStream) chunk(c engine.Encoded, seq int64) {
	n.greet()
	n.event(c.Name, n.eventID(seq), c.Data)
}

func (n *nativeStream) render(ev engine.Event) {
	n.greet()
	switch ev.Kind {
	case engine.EventQueued:
		n.named("queued", "", struct {
			Position int `json:"position"`
		}{ev.Position})
	case engine.EventStarted:
		n.named("started", "", struct {
			Model string `json:"model"`
		}{n.stream.Model()})
	case engine.EventIdle:
		n.keepAlive()
	case engine.EventDone:
		n.named("done", n.eventID(ev.Seq), struct {
			Reason string `json:"reason"`
			Usage  usage  `json:"usage"`
		}{ev.End.Reason(), usageOf(ev.End.Usage())})
	case engine.EventFailed:
		e := nativeOf(ev.Err)
		n.named("failed", n.eventID(ev.Seq), nativeError{Code: e.Code, Reason: e.Reason, Message: e.Message})
	case engine.EventChunk: // comes as one
	}
}

func (n *nativeStream) eventID(seq int64) string { return eventID(n.stream, seq) }

// eventID names an event of a stream, for Last-Event-ID.
func eventID(s *engine.Stream, seq int64) string { return s.ID() + "-" + strconv.FormatInt(seq, 10) }

// named gathers an event whose data are one of the small structs above, which always encode.
func (n *nativeStream) named(name, id string, data any) {
	b, _ := json.Marshal(data)
	n.event(name, id, b)
}

// plain is how streams live that end with their reader.
func (g *Gateway) plain() engine.StreamOptions {
	return engine.StreamOptions{Buffer: g.Buffer, Attached: true}
}

// gather runs a generation to its end and answers with the whole of it.
func (g *Gateway) gather(c *gin.Context, call *engine.Call, in engine.Input) error {
	s, err := call.Start(c.Request.Context(), in, g.plain())
	if err != nil {
		return err
	}
	var text strings.Builder
	for ev, err := range s.Follow(c.Request.Context(), 0, 0) {
		switch {
		case err != nil:
			return err
		case ev.Kind == engine.EventFailed:
			return ev.Err
		case ev.Kind == engine.EventChunk:
			var chunk struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal(ev.Data, &chunk); err != nil {
				return fmt.Errorf("read a chunk of model %q: %w", s.Model(), err)
			}
			text.WriteString(chunk.Text)
		case ev.Kind == engine.EventDone:
			return g.answer(c, http.StatusOK, struct {
				Output string `json:"output"`
				Reason string `json:"reason"`
				Usage  usage  `json:"usage"`
			}{text.String(), ev.End.Reason(), usageOf(ev.End.Usage())})
		}
	}
	return nil
}
