package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
)

// reasonUnknownURL is the code of the error of a path that leads nowhere, as OpenAI names it.
const reasonUnknownURL = "unknown_url"

// missed responds to a request that no route takes. Most such requests are of clients whose base
// URL is wrong, or of another protocol: the error says what to set, or what there is.
func (g *Gateway) missed(c *gin.Context) {
	if err := webSocket(c.Request); err != nil {
		g.fail(c, err, g.codecs.dialects[0].Codec)
		return
	}
	if g.passes(c) {
		return
	}
	path := withoutDoubles(c.Request.URL.Path)
	e := &apierr.Error{Code: apierr.CodeNotFound, Reason: reasonUnknownURL}
	var r errorRenderer = g.codecs.dialects[0].Codec // OpenAI's errors, which most clients can show
	here := "there is no " + quotedPath(c.Request)
	api := protocolOf(path)
	right, wrong := g.rightPath(c.Request.URL.Path)
	if right == c.Request.URL.Path { // an escaped one
		wrong = noRoute
	}
	if strings.HasPrefix(right, "/v2") {
		r = g.codecs.infer
	}
	switch {
	case path == "/v2/models": // where KServe's own server lists its models
		r, e.Reason, e.Message = g.codecs.infer, "", here+": POST /v2/repository/index lists the models"
	case api != "" && !g.isPassed(right):
		e.Message = fmt.Sprintf("%s: this server has no %s; it has %s", here, api, g.protocols())
	case wrong == noRoute && (path == "/v1" || strings.HasPrefix(path, "/v1/")):
		e.Message = fmt.Sprintf("%s; this server has %s", here, g.protocols()) + notPassed(c.Request)
	case wrong == noRoute:
		r = g.rendererOf(path)
		e.Reason, e.Message = "", "there is nothing here; GET / shows what there is"
	case wrong == finalSlash:
		e.Message = fmt.Sprintf("%s: the path is %s, without a slash at its end", here, right)
	case strings.HasPrefix(right, "/v2"):
		e.Message = fmt.Sprintf("%s: the path is %s, and a client's URL must be the server's address without a path", here, right)
	default:
		e.Message = fmt.Sprintf("%s: your base URL must end in /v1, as in http://HOST:PORT/v1, so that the path is %s", here, right)
	}
	g.fail(c, e, r)
}

// withoutDoubles returns a path with one slash, and one /v1, where there are several.
func withoutDoubles(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for len(parts) > 1 && parts[0] == "v1" && parts[1] == "v1" {
		parts = parts[1:]
	}
	return "/" + strings.Join(parts, "/")
}

// quotedPath returns a request's method and path for a message.
func quotedPath(r *http.Request) string {
	method := r.Method
	if len(method) > len(http.MethodOptions) {
		method = "route for"
	}
	return method + " " + apierr.Shorten(strings.Trim(quoted(r.URL.Path), `"`))
}

// What is wrong with a path that a route's path can be found in.
type mistake int

const (
	noRoute    mistake = iota // there is none in it
	wrongBase                 // what is before the route
	finalSlash                // nothing but a slash at its end
)

// rightPath returns the path of the route that a client wanted, if its path ends in one: it has a
// slash, /v1 or more too many in front of it, or no /v1.
func (g *Gateway) rightPath(path string) (string, mistake) {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	for i := range parts {
		rest := "/" + strings.Join(parts[i:], "/")
		switch {
		case isV2(rest):
			if path == rest+"/" {
				return rest, finalSlash
			}
			return rest, wrongBase
		case !g.isV1("/v1" + rest):
		case path == "/v1"+rest+"/":
			return "/v1" + rest, finalSlash
		default:
			return "/v1" + rest, wrongBase
		}
	}
	return "", noRoute
}

// isV1 reports whether a path is one of a route below /v1.
func (g *Gateway) isV1(path string) bool {
	return path == pathEmbeddings || path == "/v1/streams" || strings.HasPrefix(path, "/v1/streams/") ||
		path == "/v1/models" || strings.HasPrefix(path, "/v1/models/") ||
		slices.ContainsFunc(g.codecs.dialects, func(d Dialect) bool { return d.Path == path }) || g.isPassed(path)
}

// isV2 reports whether a path is one of a route of the Open Inference Protocol.
func isV2(path string) bool {
	return path == "/v2" || strings.HasPrefix(path, "/v2/models/") || strings.HasPrefix(path, "/v2/repository/") || strings.HasPrefix(path, "/v2/health/")
}

// protocols names what there is.
func (g *Gateway) protocols() string {
	paths := []string{"/v1/models", pathEmbeddings}
	for _, d := range g.codecs.dialects {
		paths = append(paths, d.Path)
	}
	return "OpenAI's API for a base URL that ends in /v1 (" + strings.Join(paths, ", ") + "), the Open Inference Protocol (/v2) and its own routes (/v1/models/{name}:predict and /stream, /v1/streams)"
}

// foreign are the paths of other APIs: as a whole or, with a slash at the end, as they begin.
var foreign = []struct {
	api   string
	paths []string
}{
	{"Anthropic API", []string{"/v1/messages", "/v1/messages/", "/messages", "/v1/complete"}},
	{"Gemini API", []string{"/v1beta/", "/v1alpha/", "/v1beta1/", "/v1/publishers/", "/v1/projects/"}},
	{"Cohere API", []string{"/v1/chat", "/v2/chat", "/v1/generate", "/v2/embed", "/v1/embed", "/v1/rerank", "/v2/rerank", "/rerank", "/v1/tokenize"}},
	{"Ollama API", []string{
		"/api/chat", "/api/generate", "/api/tags", "/api/show", "/api/ps", "/api/version", "/api/embed", "/api/embeddings",
		"/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs/",
	}},
	{"Azure OpenAI API with deployments", []string{"/openai/deployments/", "/deployments/"}},
	{"Bedrock API", []string{"/model/"}},
	{"Text Generation Inference API", []string{"/generate", "/generate_stream", "/info"}},
	{"llama.cpp API", []string{"/completion", "/infill", "/props", "/slots"}},
	{"KoboldAI API", []string{"/api/v1/generate", "/api/extra/"}},
}

// protocolOf returns the name of another API that a path is known to be of, "" if of none.
func protocolOf(path string) string {
	for _, f := range foreign {
		for _, p := range f.paths {
			if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
				return f.api
			}
		}
	}
	return ""
}

// geminiVerb returns the error of Gemini's way to call a model, POST /v1/models/{name}:{verb}, as
// that path is one of a route here.
func (g *Gateway) geminiVerb(c *gin.Context, name string) error {
	i := strings.LastIndexByte(name, ':')
	verb := name[i+1:]
	if i < 0 || !slices.Contains([]string{"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"}, verb) {
		return nil
	}
	return &apierr.Error{
		Code: apierr.CodeNotFound, Reason: reasonUnknownURL,
		Message: fmt.Sprintf("there is no %s: this server has no Gemini API; it has %s", quotedPath(c.Request), g.protocols()),
	}
}
