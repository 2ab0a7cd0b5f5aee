package gateway

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// routeRerank is the route below /v1 of clients of Cohere and Jina. A model that ranks serves it,
// and for any other it is a route that may be passed through.
const routeRerank = "rerank"

// ranking is the typed handle of the verb rank.
type ranking = engine.Prediction[*dialect.RankCall, *dialect.Ranking]

func rankOf(m *engine.Model) (*ranking, bool) {
	return engine.PredictionOf[*dialect.RankCall, *dialect.Ranking](m, verbRank)
}

// reranks reports whether a path below /v1 is that of rerank, and there is a model that serves it.
func (g *Gateway) reranks(path string) bool {
	return path == routeRerank && slices.ContainsFunc(g.Engine.Models(), func(m *engine.Model) bool {
		_, ok := rankOf(m)
		return ok
	})
}

// rank serves POST /v1/models/{name}:rank.
func (g *Gateway) rank(c *gin.Context, m *engine.Model) error {
	rank, ok := rankOf(m)
	if !ok {
		return noVerb(m, verbRank)
	}
	if err := rank.Check(callerOf(c)); err != nil {
		return err
	}
	if values, err := query(c.Request); err != nil || len(values) > 0 {
		return apierr.InvalidInput("bad_query", "a request to rank has no query: send \"query\", \"items\" and \"top_n\" in JSON")
	}
	body, err := g.readBody(c)
	if err != nil {
		return err
	}
	r, err := g.codecs.rank.Decode(dialect.Input{Body: body, MediaType: c.GetHeader("Content-Type")})
	if err != nil {
		return err
	}
	r.Model = nameOf(c, m)
	out, err := g.ranked(c, m, rank, r)
	if err != nil {
		return err
	}
	if body, err = g.codecs.rank.Encode(out); err != nil {
		return err
	}
	return g.writeBody(c, http.StatusOK, mediaJSON, body)
}

// rerank serves POST /v1/rerank of a model that ranks. The request has been read as one that may be
// passed through, as its model was not known before.
func (g *Gateway) rerank(c *gin.Context, m *engine.Model, rank *ranking, p *dialect.PassCall) error {
	if c.Request.Method != http.MethodPost {
		c.Header("Allow", http.MethodPost)
		return &apierr.Error{Code: apierr.CodeMethodNotAllowed, Message: "POST the query and the documents to rank"}
	}
	r, err := g.codecs.rerank.Decode(dialect.Input{Body: p.Body, MediaType: p.MediaType})
	if err != nil {
		return err
	}
	r.Model = nameOf(c, m)
	out, err := g.ranked(c, m, rank, r)
	if err != nil {
		return err
	}
	setIgnored(c.Writer.Header(), r.Ignored())
	body, err := g.codecs.rerank.Encode(r, out)
	if err != nil {
		return err
	}
	return g.writeBody(c, http.StatusOK, mediaJSON, body)
}

// ranked admits a request to rank, runs it, and charges its caller with the tokens.
func (g *Gateway) ranked(c *gin.Context, m *engine.Model, rank *ranking, r *dialect.RankCall) (*dialect.Ranking, error) {
	call, err := g.admit(c, rank.Admit, work{expects: r.Expectation})
	if err != nil {
		return nil, err
	}
	defer call.Close()
	g.setClient(c, &r.Call)
	out, err := rank.Do(c.Request.Context(), call, r)
	if err != nil {
		return nil, err
	}
	spent := engine.Usage{PromptTokens: out.Usage.PromptTokens, Estimated: out.Usage.Estimated}
	call.Spent(spent)
	g.Metrics.used(m.Name(), spent)
	return out, nil
}
