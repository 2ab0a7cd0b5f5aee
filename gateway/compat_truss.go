package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

const (
	// trussModel is what Truss calls the one model that each of its servers has.
	trussModel    = "model"
	pathWebsocket = "/v1/websocket"
	mediaBytes    = "application/octet-stream" // Truss's media type for msgpack
)

// What follows a model's name in paths that only Truss has.
const (
	trussLoaded = "/loaded"
	trussSchema = "/schema"
	trussBinary = ":predict_binary"
)

// getTruss serves GET /v1/models/{name} where Truss's clients are served: a model that takes no
// requests is an error, as it is for a readiness probe. A model with such a name comes before
// …/loaded and …/schema.
func (g *Gateway) getTruss(c *gin.Context) error {
	name, verb := splitVerb(c.Param("path"))
	if verb == verbPredict && g.isDefault(name) {
		setRoute(c, "/v1/models/{name}/"+verb)
		c.Header("Allow", http.MethodPost)
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "POST the input to predict"}
	}
	if verb != "" {
		return g.getModel(c)
	}
	setRoute(c, "/v1/models/{name}")
	if base, ok := g.trussPath(name, trussLoaded); ok {
		return g.loaded(c, base)
	}
	if base, ok := g.trussPath(name, trussSchema); ok {
		return g.noSchema(c, base)
	}
	c.Set(keyProbe, true)
	m, err := g.trussNamed(c, name)
	if err != nil {
		return err
	}
	if err := m.Ready(); err != nil {
		return err
	}
	if !g.isDefault(name) {
		return g.getModel(c)
	}
	return g.writeJSON(c, http.StatusOK, g.describe(m, m.Name()))
}

// postTruss serves POST to a model where Truss's clients are served. Only Truss's own name for the
// default model has Truss's form of a response; a model's own name has ours.
func (g *Gateway) postTruss(c *gin.Context) error {
	name, verb := splitVerb(c.Param("path"))
	if base, ok := g.trussPath(name, trussBinary); ok {
		return g.noBinary(c, base)
	}
	if verb != verbPredict || !g.isDefault(name) {
		return g.postModel(c)
	}
	setRoute(c, "/v1/models/{name}/"+verb)
	m, err := g.defaultModel(c)
	if err != nil {
		return err
	}
	if c.ContentType() == mediaBytes {
		return noMsgpack(c, name)
	}
	if v, ok := m.Verb(verbPredict); ok {
		return g.predict(c, v)
	}
	return g.trussStream(c, m)
}

// trussPath returns the name that stands before a suffix of Truss's in a path, unless the whole is
// the name of a model.
func (g *Gateway) trussPath(path, suffix string) (name string, ok bool) {
	name, ok = strings.CutSuffix(path, suffix)
	return name, ok && g.named(path) == nil
}

// named returns the model that has a name, or has it as an alias; a pattern is neither.
func (g *Gateway) named(name string) *engine.Model {
	m, err := g.Engine.Model(name)
	if err != nil || m.Name() != name && !slices.Contains(m.Aliases(), name) {
		return nil
	}
	return m
}

// isDefault reports whether a name is Truss's for the default model: another model that has that
// name comes first.
func (g *Gateway) isDefault(name string) bool {
	if name != trussModel {
		return false
	}
	own := g.named(name)
	standard, ok := g.Engine.Default()
	return own == nil || ok && own == standard
}

// trussNamed returns the model of a name, which may be Truss's.
func (g *Gateway) trussNamed(c *gin.Context, name string) (*engine.Model, error) {
	if g.isDefault(name) {
		return g.defaultModel(c)
	}
	return g.model(c, name)
}

// loaded serves GET /v1/models/{name}/loaded: 200 once the model has been loaded.
func (g *Gateway) loaded(c *gin.Context, name string) error {
	setRoute(c, routeLoaded)
	m, err := g.trussNamed(c, name)
	if err != nil {
		return err
	}
	if err := m.Loaded(); err != nil {
		return err
	}
	return g.writeJSON(c, http.StatusOK, nothing{})
}

const routeLoaded = "/v1/models/{name}" + trussLoaded

// noSuchRoute is the error of a route of Truss's without a counterpart here.
func noSuchRoute(format string, args ...any) error {
	return &apierr.Error{Code: apierr.CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

func (g *Gateway) noSchema(c *gin.Context, name string) error {
	setRoute(c, "/v1/models/{name}"+trussSchema)
	if _, err := g.trussNamed(c, name); err != nil {
		return err
	}
	name = c.GetString(keyModel)
	return noSuchRoute("there is no schema here: GET /v1/models/%s describes the model, and GET /v2/models/%s its tensors, if it takes some", name, name)
}

func (g *Gateway) noBinary(c *gin.Context, name string) error {
	setRoute(c, "/v1/models/{name}"+trussBinary)
	if _, err := g.trussNamed(c, name); err != nil {
		return err
	}
	return noMsgpack(c, name)
}

// noMsgpack is the error of a request in Truss's binary form to a model by a name, which may be
// Truss's.
func noMsgpack(c *gin.Context, name string) error {
	return noSuchRoute("there is no msgpack here: POST JSON to /v1/models/%s:predict, with Content-Type: application/json; "+
		"bytes that are a model's whole input, such as a picture, go to /v1/models/%s:predict", name, c.GetString(keyModel))
}

// noWebsocket serves /v1/websocket.
func (g *Gateway) noWebsocket(*gin.Context) error {
	return noSuchRoute("there are no websockets here: POST the input to /v1/models/{name}/stream, which streams events, or with Accept: text/plain the text alone")
}

// trussStream runs a generator as Truss does: its text is the response, chunk by chunk or, for a
// client that wants JSON, as one string. A client that accepts events gets these.
func (g *Gateway) trussStream(c *gin.Context, m *engine.Model) error {
	v, ok := g.nativeVerb(m)
	if !ok {
		return noVerb(m, verbPredict)
	}
	if err := v.verb.Check(callerOf(c)); err != nil {
		return err
	}
	in, err := g.input(c)
	if err != nil {
		return err
	}
	gathered := v.takeWhole(&in) || accepts(c.Request, mediaJSON) > max(accepts(c.Request, mediaText), accepts(c.Request, mediaEvents))
	v.takeStream(&in)
	call, err := g.admit(c, v.verb.Admit, v.work(in, !gathered))
	if err != nil {
		return err
	}
	defer call.Close()
	switch {
	case gathered:
		return g.gatherText(c, v, call, in)
	case accepts(c.Request, mediaEvents) > accepts(c.Request, mediaText):
		return g.stream(c, v, call, in, g.plain(v.codec))
	}
	return g.nativeText(c, v, call, in)
}

// takeWhole reports whether a JSON object has a "stream": false, and takes that out as takeStream
// does with "stream": true.
func (v nativeVerb) takeWhole(in *engine.Input) bool {
	begin, end, streams := streamMember(in.Body)
	if streams || end == 0 || !bytes.HasSuffix(bytes.TrimRight(in.Body[begin:end], ", \t\r\n"), []byte("false")) {
		return false
	}
	if v.gen == nil {
		in.Body = append(in.Body[:begin], in.Body[end:]...)
	}
	return true
}

// gatherText runs a generation to its end and responds with its text as a JSON string.
func (g *Gateway) gatherText(c *gin.Context, v nativeVerb, call *engine.Call, in engine.Input) error {
	var text strings.Builder
	ctx, held := c.Request.Context(), g.heldOf(c).answer
	if v.gen == nil {
		_, err := call.Collect(ctx, in, func(e sse.Event) error {
			chunk, err := textOf(e)
			if err == nil {
				err = held.Grow(ctx, keptTwice*int64(len(chunk)))
			}
			text.Write(chunk)
			return err
		})
		if err != nil {
			return err
		}
		return g.writeJSON(c, http.StatusOK, text.String())
	}
	r, err := v.decode(in)
	if err == nil {
		err = checkText(c, r)
	}
	if err != nil {
		return err
	}
	_, err = v.gen.Run(ctx, call, r, reserving(ctx, held, func(deltas ...dialect.Delta) error {
		for i := range deltas {
			text.WriteString(deltas[i].Text + deltas[i].Refusal)
		}
		return nil
	}))
	if err != nil {
		return err
	}
	setIgnored(c.Writer.Header(), r.Ignored())
	return g.writeJSON(c, http.StatusOK, text.String())
}
