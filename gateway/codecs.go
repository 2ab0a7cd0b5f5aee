package gateway

import (
	"penstock/dialect"
	"penstock/dialect/openinference"
)

// codecs are the protocols that the routes use: a new dialect is a codec here and its route.
type codecs struct {
	native, chat, completions, responses dialect.Codec
	embeddings                           dialect.EmbeddingCodec
	infer                                openinference.Codec

	byName map[dialect.Name]dialect.Codec // for the events of a log
}

func newCodecs() codecs {
	c := codecs{
		native: dialect.NewNative(), chat: dialect.NewChat(),
		completions: dialect.NewCompletions(), responses: dialect.NewResponses(),
	}
	c.byName = map[dialect.Name]dialect.Codec{}
	for _, codec := range []dialect.Codec{c.native, c.chat, c.completions, c.responses} {
		c.byName[codec.Name()] = codec
	}
	return c
}
