package dialect_test

import (
	"encoding/json"
	"testing"

	"github.com/sashabaranov/go-openai"

	"penstock/apierr"
	"penstock/dialect"
)

// The types of go-openai, a client that many programs have, read what the codecs write.
func TestGoOpenAIReadsWhatIsWritten(t *testing.T) {
	read := func(data string, into any) {
		t.Helper()
		if err := json.Unmarshal([]byte(data), into); err != nil {
			t.Errorf("%T does not read %s: %v", into, data, err)
		}
	}

	var chat openai.ChatCompletionResponse
	read(whole(t, dialect.NewChat(), `{"model":"m"}`, scripted()...), &chat)
	if c := chat.Choices[0]; c.Message.Content != "a <b>c" || c.FinishReason != openai.FinishReasonStop || c.LogProbs.Content[0].LogProb != -1 || chat.Usage.TotalTokens != 5 || chat.SystemFingerprint != "fp" {
		t.Errorf("a chat completion is read as %+v", chat)
	}

	text := ""
	var usage *openai.Usage
	events := stream(t, dialect.NewChat(), `{"model":"m","stream_options":{"include_usage":true}}`, scripted())
	for _, e := range events[:len(events)-1] {
		var chunk openai.ChatCompletionStreamResponse
		read(string(e.Data), &chunk)
		for _, c := range chunk.Choices {
			text += c.Delta.Content
		}
		usage = chunk.Usage
	}
	if text != "a <b>c" || usage == nil || usage.TotalTokens != 5 {
		t.Errorf("a stream is read as %q, usage %+v", text, usage)
	}

	var completion openai.CompletionResponse
	read(whole(t, dialect.NewCompletions(), `{"model":"m","prompt":"p"}`, scripted()...), &completion)
	if c := completion.Choices[0]; c.Text != "a <b>c" || c.LogProbs.TokenLogprobs[0] != -1 || completion.Usage.TotalTokens != 5 {
		t.Errorf("a completion is read as %+v", completion)
	}

	var response openai.CreateResponseResponse
	read(whole(t, dialect.NewResponses(), `{"model":"m","input":"i"}`, scripted()...), &response)
	if response.Status != openai.ResponseStatusCompleted || response.Usage.TotalTokens != 5 || len(response.Output) != 1 {
		t.Errorf("a response is read as %+v", response)
	}
	for _, e := range stream(t, dialect.NewResponses(), `{"model":"m","input":"i"}`, scripted()) {
		var got openai.ResponseStreamEvent
		if read(string(e.Data), &got); string(got.Type) != e.Name.String() {
			t.Errorf("the event %q is read as %+v", e.Name, got)
		}
	}

	var failure openai.ErrorResponse
	r := dialect.NewChat().Error(&apierr.Error{Code: apierr.CodeQueueFull, Message: "the queue is full"}, "")
	if read(string(r.Body), &failure); failure.Error == nil || failure.Error.Code != "queue_full" || failure.Error.Type != "rate_limit_error" || failure.Error.Param != nil {
		t.Errorf("an error is read as %+v", failure.Error)
	}

	body, err := dialect.EmbeddingCodec{}.Encode(&dialect.EmbeddingResponse{Object: "list", Data: []dialect.Embedding{{Object: "embedding", Embedding: dialect.Vector{Values: []float32{1, 2}}}}, Model: "m", Usage: dialect.EmbeddingUsage{PromptTokens: 3, TotalTokens: 3}})
	if err != nil {
		t.Fatal(err)
	}
	var embeddings openai.EmbeddingResponse
	if read(string(body), &embeddings); len(embeddings.Data) != 1 || embeddings.Data[0].Embedding[1] != 2 || embeddings.Usage.TotalTokens != 3 {
		t.Errorf("embeddings are read as %+v", embeddings)
	}

	list, err := json.Marshal(dialect.ModelList{Object: "list", Data: []dialect.Model{{ID: "m", Object: "model", Created: 1, OwnedBy: "penstock"}}})
	if err != nil {
		t.Fatal(err)
	}
	var models openai.ModelsList
	if read(string(list), &models); len(models.Models) != 1 || models.Models[0].ID != "m" {
		t.Errorf("a list of models is read as %+v", models)
	}
}
