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
	call, err := embed.Admit(callerOf(c))
	if err != nil {
		return err
	}
	defer call.Close()
	pass := g.newPassthrough(c)
	r.Credential, r.Passthrough = bearer(c.Request), pass
	out, err := embed.Do(c.Request.Context(), call, r)
	if pass.begun { // the model has done its work, even if the client does not get all of it
		call.Spent(engine.Usage{PromptTokens: r.Expectation().PromptTokens, Estimated: true})
	}
	if err == nil && out != nil { // if it was passed through, it has the usage only
		call.Spent(engine.Usage{PromptTokens: out.Usage.PromptTokens, Estimated: out.Usage.Estimated})
	}
	if err != nil || pass.begun {
		return err
	}
	body, err = g.codecs.embeddings.Encode(out)
	if err != nil {
		return err
	}
	return g.writeBody(c, http.StatusOK, mediaJSON, body)
}
