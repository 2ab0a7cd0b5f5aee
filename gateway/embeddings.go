package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/dialect"
	"penstock/engine"
)

// embed serves POST /v1/embeddings: with what a local model computes, or with the response of a
// server, passed through.
func (g *Gateway) embed(c *gin.Context) error {
	body, err := g.readBody(c)
	if err != nil {
		return err
	}
	r, err := g.codecs.embeddings.Decode(dialect.Input{Body: body})
	if err != nil {
		return err
	}
	m, err := g.namedModel(c, r.Model)
	if err != nil {
		return err
	}
	embed, ok := engine.PredictionOf[*dialect.EmbeddingCall, *dialect.EmbeddingResponse](m, verbEmbed)
	if !ok {
		return notSupported(m)
	}
	call, err := g.admit(c, embed.Admit, work{expects: r.Expectation})
	if err != nil {
		return err
	}
	defer call.Close()
	pass := g.newPassthrough(c)
	g.setClient(c, &r.Call)
	r.Passthrough = pass
	out, err := embed.Do(c.Request.Context(), call, r)
	spent := embeddingUsage(r, out, err, pass.begun)
	call.Spent(spent)
	g.Metrics.used(m.Name(), spent)
	if err != nil {
		return err
	}
	if pass.begun {
		return pass.finish()
	}
	setIgnored(c.Writer.Header(), r.Ignored())
	body, err = g.codecs.embeddings.Encode(out)
	if err != nil {
		return err
	}
	return g.writeBody(c, http.StatusOK, mediaJSON, body)
}

// embeddingUsage returns what a request for embeddings has used. Of a response that was passed
// through out has the usage only.
func embeddingUsage(r *dialect.EmbeddingCall, out *dialect.EmbeddingResponse, err error, begun bool) engine.Usage {
	switch {
	case err == nil && out != nil:
		return engine.Usage{PromptTokens: out.Usage.PromptTokens, Estimated: out.Usage.Estimated}
	case begun: // the model has done its work, though the client has not got all of it
		return engine.Usage{PromptTokens: r.Expectation().PromptTokens, Estimated: true}
	}
	return engine.Usage{}
}
