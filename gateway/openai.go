package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/dialect"
	"penstock/engine"
)

// The addresses of OpenAI's routes.
const (
	pathChat        = "/v1/chat/completions"
	pathCompletions = "/v1/completions"
	pathResponses   = "/v1/responses"
	pathEmbeddings  = "/v1/embeddings"
)

// headerResumable asks for a stream that can be read on after a cut, at the answer's Location.
const headerResumable = "X-Penstock-Resumable"

// route is one of OpenAI's: the verbs that answer it.
type route struct {
	stream string                                                     // the generator; "" where nothing streams
	whole  string                                                     // the predictor that copies a remote model's whole answer
	gather func(*wholeStream) (any, error)                            // makes a whole answer of a local model's chunks; nil: it cannot be
	end    func(out *eventStream, id string)                          // what stands at a complete stream's end
	fail   func(out *eventStream, id string, sequence int, err error) // what tells of a failure, as the event of that number
	counts bool                                                       // the events have numbers in them
}

func chatRoute() route {
	return route{stream: verbChat, whole: verbChat + wholeSuffix, gather: (*wholeStream).chat, end: endDone, fail: failData}
}

func completionRoute() route {
	return route{stream: verbComplete, whole: verbComplete + wholeSuffix, gather: (*wholeStream).completion, end: endDone, fail: failData}
}

func responsesRoute() route {
	return route{stream: verbResponses, whole: verbResponses + wholeSuffix, gather: (*wholeStream).response, end: endNothing, fail: failEvent, counts: true}
}

func embeddingsRoute() route { return route{whole: "embed"} }

// generative answers one of OpenAI's routes: the model's verb gets the request's own bytes, and its chunks or its whole
// answer go out as they are.
func (g *Gateway) generative(r route) gin.HandlerFunc {
	return g.openai(func(c *gin.Context) error {
		body, err := g.readUnrouted(c)
		if err != nil {
			return err
		}
		request, err := dialect.PeekRequest(body)
		if err != nil {
			return err
		}
		if request.Model == "" {
			return &dialect.Error{Status: http.StatusBadRequest, Type: dialect.InvalidRequest, Message: "you must provide a model parameter", Param: "model", Code: "missing_required_parameter"}
		}
		m, err := g.model(c, request.Model)
		if err != nil {
			return err
		}
		in := engine.Input{ContentType: c.GetHeader("Content-Type"), Body: body, Credential: bearer(c.Request)}
		if v, ok := m.Verb(r.whole); ok && !request.Stream {
			return g.copyWhole(c, v, in)
		}
		v, ok := m.Verb(r.stream)
		if !ok {
			return &dialect.Error{Status: http.StatusNotFound, Type: dialect.InvalidRequest, Message: fmt.Sprintf("model %q does not do this; GET /v1/models/%s says what it does", m.Name(), m.Name()), Param: "model", Code: "model_not_supported"}
		}
		return g.generate(c, v, in, r, request.Stream)
	})
}

// bearer returns the client's own key, which some upstreams are sent.
func bearer(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// copyWhole answers with the whole answer of a verb: a remote model's is copied, head and body, while it holds its permit.
func (g *Gateway) copyWhole(c *gin.Context, v *engine.Verb, in engine.Input) error {
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		return err
	}
	defer call.Close()
	in.Answer = g.newWholeAnswer(c)
	out, err := call.Predict(c.Request.Context(), in)
	if err != nil || out.ContentType == "" {
		return err
	}
	return g.writeBody(c, http.StatusOK, out.ContentType, out.Body)
}

// generate starts a generator's stream and answers with its chunks, or with the whole that is made of them.
func (g *Gateway) generate(c *gin.Context, v *engine.Verb, in engine.Input, r route, stream bool) error {
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		return err
	}
	defer call.Close()
	o := g.plain()
	resumable := stream && c.GetHeader(headerResumable) == "1"
	if resumable {
		o = g.detached()
	}
	head := &streamHead{}
	in.Answer = head
	s, err := call.Start(c.Request.Context(), in, o)
	if err != nil {
		return err
	}
	if resumable {
		c.Header("Location", streamURL(s))
	}
	if stream {
		err := g.relay(c, s, r, place{}, head)
		if resumable && !c.Writer.Written() { // nobody has heard where it could be read
			s.Cancel()
		}
		return err
	}
	answer, err := r.gather(&wholeStream{stream: s, c: c})
	if err != nil {
		return err
	}
	return g.answer(c, http.StatusOK, answer)
}

// relay writes a stream's chunks as they are, and its dialect's sign of completeness only if it was really complete. A
// failure after the first byte is an error event, and then the connection breaks off without the clean end of its chunked
// body. Only events of a stream that can be resumed carry ids.
func (g *Gateway) relay(c *gin.Context, s *engine.Stream, r route, from place, head *streamHead) error {
	events := g.newEventStream(c)
	events.head = head
	id := func(int64) string { return "" }
	if s.Resumable() {
		id = func(seq int64) string { return eventID(s, seq) }
	}
	var last []byte // chunk sent, where events have numbers in them
	chunk := func(c engine.Encoded, seq int64) {
		if r.counts {
			last = append(last[:0], c.Data...)
		}
		events.event(c.Name, id(seq), c.Data)
	}
	out := outlet{eventStream: events, again: from.again, chunk: chunk, render: func(ev engine.Event) {
		switch ev.Kind {
		case engine.EventIdle:
			events.keepAlive()
		case engine.EventDone:
			r.end(events, id(ev.Seq))
		case engine.EventFailed:
			sequence := int(ev.Seq) - 1 // counted from 0, one for each chunk: so it is for those who come back after the last one
			if last != nil {
				sequence = dialect.ResponseSequence(last) + 1
			}
			r.fail(events, id(ev.Seq), sequence, ev.Err)
		case engine.EventQueued, engine.EventStarted, engine.EventChunk: // OpenAI has no words for these; chunks come as such
		}
	}}
	err := out.run(g, c, s, from.after)
	if err == nil && out.failed != nil {
		return errBroken
	}
	return err
}

func endDone(out *eventStream, id string) { out.event("", id, []byte("[DONE]")) }

// endNothing: the last chunk of /v1/responses says itself that it is the last.
func endNothing(*eventStream, string) {}

func failData(out *eventStream, id string, _ int, err error) {
	b, _ := json.Marshal(openAIOf(err)) // always encodes
	out.event("", id, b)
}

func failEvent(out *eventStream, id string, sequence int, err error) {
	e := dialect.ResponseError(openAIOf(err), sequence)
	out.event(e.Name, id, e.Data)
}
