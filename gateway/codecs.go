package gateway

import (
	"penstock/dialect"
	"penstock/dialect/openinference"
)

// The paths of OpenAI's routes.
const (
	pathChat        = "/v1/chat/completions"
	pathCompletions = "/v1/completions"
	pathResponses   = "/v1/responses"
	pathEmbeddings  = "/v1/embeddings"
)

// Dialect is a protocol for language models, and the path that its clients POST to.
type Dialect struct {
	Path  string
	Codec dialect.Codec
}

// codecs are the protocols that the routes use.
type codecs struct {
	native     dialect.Codec
	embeddings dialect.EmbeddingCodec
	rank       dialect.RankCodec
	rerank     dialect.RerankCodec
	infer      openinference.Codec

	dialects []Dialect // of the routes whose requests name their model
}

func newCodecs(further []Dialect) codecs {
	return codecs{
		native: dialect.NewNative(),
		dialects: append([]Dialect{
			{pathChat, dialect.NewChat()},
			{pathCompletions, dialect.NewCompletions()},
			{pathResponses, dialect.NewResponses()},
		}, further...),
	}
}

// named returns the codec of that name, for the events of a log.
func (c *codecs) named(name dialect.Name) (dialect.Codec, bool) {
	if name == dialect.Native {
		return c.native, true
	}
	for _, d := range c.dialects {
		if d.Codec.Name() == name {
			return d.Codec, true
		}
	}
	return nil, false
}

// at returns what renders the errors of the route at that path, if it is one of these.
func (c *codecs) at(path string) (errorRenderer, bool) {
	if path == pathEmbeddings {
		return c.embeddings, true
	}
	for _, d := range c.dialects {
		if d.Path == path {
			return d.Codec, true
		}
	}
	return nil, false
}
