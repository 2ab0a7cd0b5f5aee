package gateway

import (
	"fmt"
	"slices"

	"penstock/dialect"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// The verbs that routes reach.
const (
	verbPredict  = "predict"  // a whole result, from bytes to bytes
	verbStream   = "stream"   // a generator, from bytes to events
	verbGenerate = "generate" // a language model, in any dialect
	verbEmbed    = "embed"    // OpenAI's embeddings
	verbRank     = "rank"     // items by their similarity to a query
	verbInfer    = "infer"    // the Open Inference Protocol
	verbPass     = "pass"     // further routes of an OpenAI-compatible server
)

// The typed handles of the verbs that have a codec.
type (
	generation = engine.Generation[*dialect.Request, dialect.Delta]
)

// AcceptVerb refuses verbs that no route reaches: those with another name or another type than
// the routes look for. It is an engine's Options.Accept.
func AcceptVerb(v *engine.Verb) error {
	var ok bool
	switch v.Name() {
	case verbPredict:
		ok = !v.Streams()
	case verbStream:
		ok = v.Streams()
	case verbGenerate:
		_, ok = engine.GenerationHandle[*dialect.Request, dialect.Delta](v)
	case verbEmbed:
		_, ok = engine.PredictionHandle[*dialect.EmbeddingCall, *dialect.EmbeddingResponse](v)
	case verbRank:
		_, ok = engine.PredictionHandle[*dialect.RankCall, *dialect.Ranking](v)
	case verbInfer:
		_, ok = engine.PredictionHandle[*openinference.Request, *openinference.Response](v)
	case verbPass:
		_, ok = engine.PredictionHandle[*dialect.PassCall, engine.Usage](v)
	default:
		return fmt.Errorf("no route reaches it; there are %s, %s, %s, %s, %s, %s and %s", verbPredict, verbStream, verbGenerate, verbEmbed, verbRank, verbInfer, verbPass)
	}
	if !ok {
		return fmt.Errorf("no route reaches a verb of that name with its types")
	}
	return nil
}

// abilities are what a model can do, by the names that GET /v1/models lists.
func abilities(m *engine.Model) []string {
	list := []string{}
	add := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	for _, v := range m.Verbs() {
		switch v.Name() {
		case verbStream: // can be collected
			add(verbPredict, verbStream)
		case verbGenerate:
			add(verbPredict, verbStream, "chat", "complete", "responses")
		case verbPass: // further routes, and no ability of these
		default:
			add(v.Name())
		}
	}
	return list
}
