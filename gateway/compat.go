package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/engine"
)

// Compat are the routes of other servers that a gateway has beside its own. They reach the engine's
// default model. The zero Compat has none, and changes no route.
type Compat struct {
	Truss     bool // /v1/models/model:predict, …/loaded, and GET /v1/models/{name} as readiness
	SageMaker bool // /ping and /invocations
}

// The paths that SageMaker requires of a container.
const (
	pathPing        = "/ping"
	pathInvocations = "/invocations"
)

// routeModels adds the routes of models: Penstock's own or, where Truss's clients are served,
// Truss's around them.
func (g *Gateway) routeModels(r gin.IRoutes) {
	if !g.Compat.Truss {
		r.GET(pathModel, g.native(g.getModel))
		r.POST(pathModel, g.native(g.postModel))
		return
	}
	r.GET(pathModel, g.native(g.getTruss))
	r.POST(pathModel, g.native(g.postTruss))
	r.Any(pathWebsocket, g.native(g.noWebsocket))
}

// routeSageMaker adds SageMaker's routes: the ping is for load balancers, which send no key and any
// Host, and all else for callers as they are anywhere.
func (g *Gateway) routeSageMaker(open, guarded gin.IRoutes) {
	if !g.Compat.SageMaker {
		return
	}
	get(open, pathPing, g.native(g.ping))
	guarded.POST(pathInvocations, g.native(g.invoke))
}

// defaultModel returns the model that routes without a model's name are for, for callers that may
// use it, and notes its name for the log.
func (g *Gateway) defaultModel(c *gin.Context) (*engine.Model, error) {
	m, err := g.unnamedModel()
	if err != nil {
		return nil, err
	}
	return g.model(c, m.Name())
}

// unnamedModel returns the default model, whatever the caller may use.
func (g *Gateway) unnamedModel() (*engine.Model, error) {
	if m, ok := g.Engine.Default(); ok {
		return m, nil
	}
	return nil, &apierr.Error{Code: apierr.CodeNotFound, Message: "no model is marked default: true, so this address is for none; POST to /v1/models/{name}:predict"}
}

// nothing is the body of a response whose status is all there is to it.
type nothing struct{}

// ping serves GET /ping: 200 while the default model takes requests, else its error.
func (g *Gateway) ping(c *gin.Context) error {
	m, err := g.unnamedModel()
	if err != nil {
		return err
	}
	if err := m.Ready(); err != nil {
		return err
	}
	return g.writeJSON(c, http.StatusOK, nothing{})
}

// invoke serves POST /invocations: the default model's :predict.
func (g *Gateway) invoke(c *gin.Context) error {
	m, err := g.defaultModel(c)
	if err != nil {
		return err
	}
	if v, ok := m.Verb(verbPredict); ok {
		return g.predict(c, v)
	}
	return g.postStream(c, m, verbPredict)
}
