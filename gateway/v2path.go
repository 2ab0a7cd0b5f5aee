package gateway

import (
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// What GET does below a model of the Open Inference Protocol, beside its description.
const (
	actionReady  = "ready"
	actionConfig = "config"
)

// v2Path is a path below /v2/models/: {name}, then perhaps /versions/{version}, then an action.
type v2Path struct {
	name, version, action string
}

// parseV2 reads a path from the right: names may hold slashes.
func parseV2(path string) (at v2Path) {
	at.name = strings.Trim(path, "/")
	for _, action := range []string{verbInfer, actionReady, actionConfig} {
		if name, ok := strings.CutSuffix(at.name, "/"+action); ok {
			at.name, at.action = name, action
			break
		}
	}
	if i := strings.LastIndexByte(at.name, '/'); i > 0 {
		if name, ok := strings.CutSuffix(at.name[:i], "/versions"); ok {
			at.name, at.version = name, at.name[i+1:]
		}
	}
	return at
}

// route names the route for metrics and the log.
func (at v2Path) route() string {
	if at.action == "" {
		return "/v2/models/{name}"
	}
	return "/v2/models/{name}/" + at.action
}

// v2Model finds the model. Each has one version.
func (g *Gateway) v2Model(c *gin.Context, at v2Path) (*engine.Model, error) {
	m, err := g.model(c, at.name)
	if err != nil {
		if e, ok := err.(*apierr.Error); ok && e.Code == apierr.CodeModelNotFound { //nolint:errorlint // not one within
			if extension := missingExtension(at.name); extension != "" {
				return nil, &apierr.Error{Code: e.Code, Message: e.Message + extension}
			}
		}
		return nil, err
	}
	if at.version != "" && at.version != openinference.Version {
		return nil, &apierr.Error{
			Code:    apierr.CodeModelNotFound,
			Message: "model " + nameOf(c, m) + " has no version " + quoted(apierr.Shorten(at.version)) + ": its only one is " + openinference.Version,
		}
	}
	return m, nil
}

// missingExtension continues an error about a path of Triton's extensions that are not here.
func missingExtension(path string) string {
	for suffix, what := range map[string]string{
		"stats":           "statistics: /metrics has the server's",
		"trace/setting":   "traces",
		"generate":        "generate: POST to /v1/models/{name}:predict, or to /v1/chat/completions",
		"generate_stream": "generate: POST to /v1/models/{name}/stream, or to /v1/chat/completions",
	} {
		if path == suffix || strings.HasSuffix(path, "/"+suffix) {
			return "; this server does not have Triton's extension for " + what
		}
	}
	return ""
}
