package gateway

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// metadataOf returns the metadata of a model that does not describe its tensors.
func metadataOf(m *engine.Model, name string) openinference.Metadata {
	return openinference.Metadata{
		Name: name, Versions: []string{openinference.Version}, Platform: m.Snapshot().Kind,
		Inputs: []openinference.Info{}, Outputs: []openinference.Info{},
	}
}

// v2Config serves GET /v2/models/{name}/config, which Triton's clients read the tensors from too:
// what the model's description has, in the form of Triton's extension.
func (g *Gateway) v2Config(c *gin.Context, m *engine.Model, described engine.Output) error {
	metadata := metadataOf(m, nameOf(c, m))
	if described.MediaType != "" {
		if err := json.Unmarshal(described.Body, &metadata); err != nil {
			return err
		}
	}
	return g.writeJSON(c, http.StatusOK, metadata.Config())
}

// indexEntry is a model in the index of the repository.
type indexEntry struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

// v2Index serves POST /v2/repository/index: the models that the caller may use.
func (g *Gateway) v2Index(c *gin.Context) error {
	body, err := g.readBody(c)
	if err != nil {
		return err
	}
	var request struct {
		Ready bool `json:"ready"` // only models that are
	}
	if len(body) > 0 && json.Unmarshal(body, &request) != nil {
		return &apierr.Error{Code: apierr.CodeInvalidJSON, Message: `the body must be empty, or {"ready": true}`}
	}
	list := []indexEntry{}
	for _, l := range g.listed(c) {
		s := l.model.Snapshot()
		if request.Ready && s.State != engine.StateReady {
			continue
		}
		entry := indexEntry{Name: l.name, Version: openinference.Version, State: "UNAVAILABLE", Reason: g.reasonFor(c, s)}
		switch s.State {
		case engine.StateReady:
			entry.State = "READY"
		case engine.StateLoading:
			entry.State = "LOADING"
		case engine.StateFailed, engine.StateUnhealthy:
		}
		list = append(list, entry)
	}
	return g.writeJSON(c, http.StatusOK, list)
}

// v2Repository refuses POST /v2/repository/models/{name}/load and /unload.
func (g *Gateway) v2Repository(c *gin.Context) error {
	setRoute(c, "/v2/repository/models/{name}")
	path := strings.Trim(c.Param("path"), "/")
	i := strings.LastIndexByte(path, '/')
	if i < 0 || path[i+1:] != "load" && path[i+1:] != "unload" {
		return &apierr.Error{Code: apierr.CodeNotFound, Message: "there is nothing here; POST /v2/repository/index lists the models"}
	}
	name := path[:i]
	m, _ := g.Engine.Model(name)
	if err := mayUseModel(c, name, m); err != nil { // before a caller learns whether there is such a model
		return err
	}
	return apierr.InvalidInput("no_"+path[i+1:], "model %q cannot be %sed by a request: this server loads the models of its configuration when it starts, and keeps them until it ends", name, path[i+1:])
}
