package clip

import (
	"context"

	"penstock/dialect"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// Register adds the model and its verbs to an engine, which loads and closes it, and returns the verb predict for callers
// with values. The others are for callers with bytes: embeddings (OpenAI's), infer and metadata (the Open Inference
// Protocol's). A request's context must end at some time: until then it may keep memory.
func (m *Model) Register(e *engine.Engine) *engine.Prediction[Request, Result] {
	model := e.Add(m.options.Name, engine.Lifecycle{Kind: "clip", Load: m.load, Close: m.close})
	predict := engine.Predicts(model, "predict", engine.Predictor[Request, feed, raw, Result]{
		Preprocess:   m.preprocess,
		PredictBatch: m.predict,
		BatchMax:     m.options.Batch,
		Postprocess:  m.postprocess,
		Decode:       decode,
		Encode:       encode,
	})
	engine.Predicts(model, "embeddings", engine.Predictor[*dialect.EmbeddingRequest, embedFeed, embedRaw, *dialect.EmbeddingResponse]{
		Preprocess:   m.preprocessEmbeddings,
		PredictBatch: m.predictEmbeddings,
		BatchMax:     m.options.Batch,
		Postprocess:  m.postprocessEmbeddings,
		Decode:       decodeEmbeddings,
	})
	engine.Predicts(model, "infer", engine.Predictor[*openinference.Request, inferFeed, inferRaw, *openinference.Response]{
		Preprocess:  m.preprocessInfer,
		Predict:     m.predictInfer,
		Postprocess: m.postprocessInfer,
		Decode:      decodeInfer,
		Encode:      encodeInfer,
	})
	// What the model is, it is known to say by nobody but itself; so this is a verb too, with nothing to predict.
	nothing := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	engine.Predicts(model, "metadata", engine.Predictor[struct{}, struct{}, struct{}, openinference.Metadata]{
		Preprocess:  nothing,
		Predict:     nothing,
		Postprocess: m.metadata,
		Decode:      func(engine.Input) (struct{}, error) { return struct{}{}, nil },
	})
	return predict
}
