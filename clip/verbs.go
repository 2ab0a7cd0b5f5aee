package clip

import (
	"penstock/dialect"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// Register adds the model and its verbs to an engine, which loads and closes it, and returns the
// verb predict. The other verbs are embed (OpenAI's embeddings), rank (items by their similarity to
// a query) and infer (the Open Inference Protocol's), whose requests a codec decodes. A request's
// context must end at some time: until then the request may hold memory.
func (m *Model) Register(e *engine.Engine) *engine.Prediction[Request, Result] {
	model := e.Add(m.options.Name, engine.Lifecycle{Kind: "clip", Load: m.load, Close: m.close, Describe: m.describe})
	predict := engine.Predicts(model, "predict", engine.Predictor[Request, feed, raw, Result]{
		Preprocess:   m.preprocess,
		PredictBatch: m.predict,
		BatchMax:     m.options.Batch,
		Alone:        m.runsAlone,
		Postprocess:  m.postprocess,
		Decode:       decode,
		Encode:       encode,
	})
	embed := engine.Predicts(model, "embed", engine.Predictor[*dialect.EmbeddingCall, embedFeed, embedRaw, *dialect.EmbeddingResponse]{
		Preprocess:   m.preprocessEmbeddings,
		PredictBatch: m.predictEmbeddings,
		BatchMax:     m.options.Batch,
		Alone:        m.runsAlone,
		Postprocess:  m.postprocessEmbeddings,
	})
	engine.Composes(model, "rank", embed, m.rank)
	engine.Predicts(model, "infer", engine.Predictor[*openinference.Request, inferFeed, inferRaw, *openinference.Response]{
		Preprocess:  m.preprocessInfer,
		Predict:     m.predictInfer,
		Postprocess: m.postprocessInfer,
	})
	return predict
}
