package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/dialect"
	"penstock/engine"
)

// getStream serves GET /v1/models/{name}/stream, for EventSource: the input is in the query.
func (g *Gateway) getStream(c *gin.Context, m *engine.Model) error {
	v, ok := g.nativeVerb(m)
	if !ok {
		return noVerb(m, verbStream)
	}
	v.name = nameOf(c, m)
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
	delete(values, queryLastEventID) // it is not the model's
	in := engine.Input{Parameters: values, Header: g.clientHeader(c)}
	text := wantsText(c.Request)
	call, err := g.admit(c, v.verb.Admit, v.work(in, text || !wantsWhole(c.Request)))
	if err != nil {
		return err
	}
	defer call.Close()
	if text {
		return g.nativeText(c, v, call, in)
	}
	if wantsWhole(c.Request) {
		return g.collect(c, v, call, in)
	}
	// Its EventSource may come back after a cut: the stream waits for it.
	o := engine.StreamOptions{Dialect: string(dialect.Native), Buffer: g.Buffer, Lease: g.Retry + leaseAfterRetry}
	return g.stream(c, v, call, in, o)
}

// postStream serves POST …/stream, and POST …:predict of a model that generates.
func (g *Gateway) postStream(c *gin.Context, m *engine.Model, verb string) error {
	v, ok := g.nativeVerb(m)
	if !ok {
		return noVerb(m, verb)
	}
	v.name = nameOf(c, m)
	if err := v.verb.Check(callerOf(c)); err != nil {
		return err
	}
	in, err := g.input(c)
	if err != nil {
		return err
	}
	text, streams := wantsText(c.Request), verb == verbPredict && v.takeStream(&in)
	whole := !text && !streams && (verb == verbPredict && !wantsEvents(c.Request) || wantsWhole(c.Request))
	call, err := g.admit(c, v.verb.Admit, v.work(in, !whole))
	if err != nil {
		return err
	}
	defer call.Close()
	if text {
		return g.nativeText(c, v, call, in)
	}
	if whole {
		return g.collect(c, v, call, in)
	}
	return g.stream(c, v, call, in, g.plain(v.codec))
}

// stream starts a generation and sends its events.
func (g *Gateway) stream(c *gin.Context, v nativeVerb, call *engine.Call, in engine.Input, o engine.StreamOptions) error {
	ended := g.keepBody(c, call)
	o.Owner, o.Model = ownerOf(c), v.name
	s, err := v.start(c.Request.Context(), c.Writer.Header(), call, in, o)
	if err := started(c, s, err); err != nil {
		return err
	}
	err = g.follow(c, s, position{}, nil)
	if err != nil && !s.Resumable() {
		awaitTokens(ended)
	}
	return err
}

// collect runs a generation to its end and responds with the whole of it.
func (g *Gateway) collect(c *gin.Context, v nativeVerb, call *engine.Call, in engine.Input) error {
	body, err := v.whole(c.Request.Context(), c.Writer.Header(), g.heldOf(c).answer, call, in)
	if err != nil {
		return err
	}
	return g.writeBody(c, http.StatusOK, mediaJSON+"; charset=utf-8", body)
}

// plain returns the options of a stream that ends with its reader.
func (g *Gateway) plain(codec dialect.Codec) engine.StreamOptions {
	return engine.StreamOptions{Dialect: string(codec.Name()), Buffer: g.Buffer}
}

// detached returns the options of a stream whose address is given to the client.
func (g *Gateway) detached(codec dialect.Codec) engine.StreamOptions {
	return engine.StreamOptions{Dialect: string(codec.Name()), Buffer: g.Buffer, Lease: g.Window, Detached: true}
}
