package gateway

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// listModels serves GET /v1/models.
func (g *Gateway) listModels(c *gin.Context) error {
	list := dialect.ModelList{Object: "list", Data: []dialect.Model{}}
	for _, l := range g.listed(c) {
		d := g.describe(l.model, l.name)
		d.Penstock.AliasOf = l.aliasOf
		list.Data = append(list.Data, d)
	}
	return g.writeJSON(c, http.StatusOK, list)
}

// describe describes a model by one of its names.
func (g *Gateway) describe(m *engine.Model, name string) dialect.Model {
	s := m.Snapshot()
	return dialect.Model{
		ID: name, Object: "model", Created: g.started.Unix(), OwnedBy: "penstock",
		Penstock: dialect.ModelInfo{Kind: s.Kind, Verbs: abilities(m), Streaming: s.Streaming, State: string(s.State)},
	}
}

// splitVerb reads a path below /v1/models/ from the right: names may hold slashes and colons.
func splitVerb(path string) (name, verb string) {
	path = strings.Trim(path, "/")
	if i := strings.LastIndexAny(path, ":/"); i > 0 {
		if v := path[i+1:]; v == verbPredict || v == verbStream {
			return path[:i], v
		}
	}
	return path, ""
}

// getModel serves GET /v1/models/{name} and GET /v1/models/{name}/stream.
func (g *Gateway) getModel(c *gin.Context) error {
	name, verb := splitVerb(c.Param("path"))
	setRoute(c, "/v1/models/{name}")
	if verb != "" {
		setRoute(c, "/v1/models/{name}/"+verb)
	}
	m, err := g.model(c, name)
	if err != nil {
		return err
	}
	switch verb {
	case verbStream:
		return g.getStream(c, m)
	case verbPredict:
		c.Header("Allow", http.MethodPost)
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "POST the input to predict"}
	}
	return g.writeJSON(c, http.StatusOK, g.describe(m, name))
}

// postModel serves POST /v1/models/{name}:predict, …/predict and …/stream.
func (g *Gateway) postModel(c *gin.Context) error {
	name, verb := splitVerb(c.Param("path"))
	setRoute(c, "/v1/models/{name}/"+verb)
	if verb == "" {
		setRoute(c, "/v1/models/{name}")
		if err := g.geminiVerb(c, name); err != nil {
			return err
		}
	}
	m, err := g.model(c, name)
	if err != nil {
		return err
	}
	if verb == "" {
		c.Header("Allow", http.MethodGet)
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "POST to …:predict or …/stream of a model"}
	}
	if verb == verbPredict {
		if v, ok := m.Verb(verbPredict); ok {
			return g.predict(c, v)
		}
	}
	return g.postStream(c, m, verb)
}

// model finds the model and notes its name for the log.
func (g *Gateway) model(c *gin.Context, name string) (*engine.Model, error) {
	if name == "" {
		return nil, &apierr.Error{Code: apierr.CodeNotFound, Message: "name a model; GET /v1/models lists them"}
	}
	m, err := g.Engine.Model(name)
	if err := mayUseModel(c, name, m); err != nil { // before a caller learns whether there is such a model
		return nil, err
	}
	if err == nil {
		c.Set(keyModel, name)
	}
	return m, err
}

func noVerb(m *engine.Model, verb string) error {
	return &apierr.Error{Code: apierr.CodeNotAcceptable, Message: "model \"" + m.Name() + "\" cannot " + verb + "; it can " + strings.Join(abilities(m), ", ")}
}

// predict runs a whole-result verb.
func (g *Gateway) predict(c *gin.Context, v *engine.Verb) error {
	if accepts(c.Request, mediaEvents) > 0 && accepts(c.Request, mediaJSON) == 0 {
		return &apierr.Error{Code: apierr.CodeNotAcceptable, Message: "this model returns one whole result: accept application/json"}
	}
	if err := v.Check(callerOf(c)); err != nil {
		return err
	}
	in, err := g.input(c)
	if err != nil {
		return err
	}
	call, err := g.admit(c, v.Admit, work{})
	if err != nil {
		return err
	}
	defer call.Close()
	out, err := call.Predict(c.Request.Context(), in)
	if err != nil {
		return err
	}
	c.Header("X-Content-Type-Options", "nosniff") // a model's result is taken for nothing but what it says
	return g.writeBody(c, http.StatusOK, out.MediaType, out.Body)
}

// input reads a request that its path has routed. It holds no slot meanwhile.
func (g *Gateway) input(c *gin.Context) (engine.Input, error) {
	values, err := query(c.Request)
	if err != nil {
		return engine.Input{}, err
	}
	body, err := g.readBytes(c)
	if kind, _, _ := strings.Cut(c.ContentType(), "/"); kind != "image" && kind != "audio" { // these models decode, and reserve for themselves
		body, err = g.reserveDecoding(c, body, err)
	}
	in := engine.Input{MediaType: c.GetHeader("Content-Type"), Body: body, Parameters: values, Header: g.clientHeader(c)}
	// curl -d sends JSON as this media type unless it is given another. Pages, which can send it
	// without a preflight too, are refused by guardHost.
	if kind, _, _ := mime.ParseMediaType(in.MediaType); kind == "application/x-www-form-urlencoded" && json.Valid(body) {
		in.MediaType = "application/json"
	}
	return in, err
}

// query reads a request's query: all of it, or it is an error.
func query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, apierr.InvalidInput("bad_query", "the query cannot be read: percent-encode what is neither a letter nor a digit, and put & between its parts")
	}
	return values, nil
}

const (
	mediaJSON   = "application/json"
	mediaEvents = "text/event-stream"
)

// wantsWhole reports whether a client prefers JSON to events.
func wantsWhole(r *http.Request) bool { return accepts(r, mediaJSON) > accepts(r, mediaEvents) }

// wantsEvents reports whether a client accepts events and does not prefer JSON.
func wantsEvents(r *http.Request) bool { return accepts(r, mediaEvents) > 0 && !wantsWhole(r) }

// accepts returns the weight that the request's Accept gives a media type by its name (RFC 9110,
// 12.5.1), else 0. Wildcards leave the choice to the route.
func accepts(r *http.Request, media string) (weight float64) {
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			t, params, err := mime.ParseMediaType(part)
			if err != nil || t != media {
				continue
			}
			q, err := strconv.ParseFloat(params["q"], 64)
			if err != nil { // none, or an invalid one
				q = 1
			}
			weight = max(weight, q)
		}
	}
	return weight
}
