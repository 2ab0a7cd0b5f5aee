package gateway

import (
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// routeV2 adds the Open Inference Protocol's routes: health, under any Host, and the models.
func (g *Gateway) routeV2(open, guarded gin.IRoutes) {
	get(open, "/v2/health/live", g.v2(g.v2Live))
	get(open, "/v2/health/ready", g.native(g.readiness))
	get(guarded, "/v2", g.v2(g.v2Server))
	get(guarded, "/v2/models/*path", g.v2(g.v2Get))
	guarded.POST("/v2/models/*path", g.v2(g.v2Post))
	guarded.POST("/v2/repository/index", g.v2(g.v2Index))
	guarded.POST("/v2/repository/models/*path", g.v2(g.v2Repository))
}

// v2 adapts a handler of these routes.
func (g *Gateway) v2(h handler) gin.HandlerFunc { return g.rendering(g.codecs.infer, h) }

func (g *Gateway) v2Live(c *gin.Context) error {
	return g.writeJSON(c, http.StatusOK, struct {
		Live bool `json:"live"`
	}{true})
}

func (g *Gateway) v2Server(c *gin.Context) error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	return g.writeJSON(c, http.StatusOK, struct {
		Name       string   `json:"name"`
		Version    string   `json:"version"`
		Extensions []string `json:"extensions"`
	}{"penstock", version, []string{"binary_tensor_data", "model_configuration", "model_repository"}})
}

// v2Get serves GET /v2/models/{name} and below it /ready and /config, each also for a version.
func (g *Gateway) v2Get(c *gin.Context) error {
	at := parseV2(c.Param("path"))
	setRoute(c, at.route())
	if at.action == verbInfer {
		c.Header("Allow", http.MethodPost)
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "POST the tensors to infer"}
	}
	m, err := g.v2Model(c, at)
	if err != nil {
		return err
	}
	if at.action == actionReady {
		return g.v2Ready(c, m)
	}
	out, err := m.Describe()
	switch {
	case err != nil:
		return err
	case at.action == actionConfig:
		return g.v2Config(c, m, out)
	case out.MediaType != "":
		return g.writeBody(c, http.StatusOK, out.MediaType, out.Body)
	}
	return g.writeJSON(c, http.StatusOK, metadataOf(m, nameOf(c, m)))
}

func (g *Gateway) v2Ready(c *gin.Context, m *engine.Model) error {
	status := http.StatusServiceUnavailable
	ready := m.Snapshot().State == engine.StateReady && !g.Engine.Draining()
	if ready {
		status = http.StatusOK
	}
	return g.writeJSON(c, status, struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
	}{nameOf(c, m), ready})
}

// v2Post serves POST /v2/models/{name}/infer. The length of a binary message's JSON part has a
// header of its own, which the codec takes and returns as a parameter of the media type.
func (g *Gateway) v2Post(c *gin.Context) error {
	setRoute(c, "/v2/models/{name}/infer")
	at := parseV2(c.Param("path"))
	if at.action != verbInfer {
		return &apierr.Error{Code: apierr.CodeNotFound, Message: "POST to /v2/models/{name}/infer" + missingExtension(at.name)}
	}
	m, err := g.v2Model(c, at)
	if err != nil {
		return err
	}
	infer, ok := engine.PredictionOf[*openinference.Request, *openinference.Response](m, verbInfer)
	if !ok {
		return noVerb(m, verbInfer)
	}
	if err := infer.Check(callerOf(c)); err != nil {
		return err
	}
	body, err := g.readBody(c)
	if err != nil {
		return err
	}
	call, err := g.admit(c, infer.Admit, work{})
	if err != nil {
		return err
	}
	defer call.Close()
	mediaType := openinference.MediaType(c.GetHeader("Content-Type"), c.GetHeader(openinference.HeaderName))
	r, err := g.codecs.infer.Decode(mediaType, body)
	if err != nil {
		return err
	}
	out, err := infer.Do(c.Request.Context(), call, r)
	if err != nil {
		return err
	}
	mediaType, body, err = g.codecs.infer.Encode(out)
	if err != nil {
		return err
	}
	if length := openinference.HeaderLength(mediaType); length != "" {
		c.Header(openinference.HeaderName, length)
		mediaType = "application/octet-stream"
	}
	return g.writeBody(c, http.StatusOK, mediaType, body)
}
