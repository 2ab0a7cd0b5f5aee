package upstream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
)

// decodeNative makes a chat request of the native input: a prompt or messages, and
// OpenAI's parameters.
func decodeNative(in engine.Input) (question, error) {
	fields, err := dialect.NativeFields(in.Body, in.Query)
	if err != nil {
		return question{}, badInput(err)
	}
	if prompt, ok := fields["prompt"]; ok {
		delete(fields, "prompt")
		fields["messages"] = fmt.Appendf(nil, `[{"role":"user","content":%s}]`, prompt)
	}
	if fields["messages"] == nil {
		return question{}, &apierr.Error{Code: apierr.CodeInvalidInput, Message: `give "prompt" or "messages"`, Param: "prompt"}
	}
	fields["stream"] = json.RawMessage(`true`)
	fields["stream_options"] = json.RawMessage(`{"include_usage":true}`)
	if in.Body, err = json.Marshal(fields); err != nil {
		return question{}, fmt.Errorf("write the request anew: %w", err)
	}
	q, err := decodeQuestion(in)
	if err == nil && q.peek.N > 1 {
		err = &apierr.Error{Code: apierr.CodeInvalidInput, Message: "this route gives one answer: leave n out, or use /v1/chat/completions", Param: "n"}
	}
	return q, err
}

// native answers with the text of a chat answer: chunks {"text":…}. What is no text
// (reasoning, tool calls) is left to OpenAI's routes.
func (m *model) native(ctx context.Context, q question, emit func(...engine.Encoded) error) (engine.End, error) {
	return m.stream(ctx, chatStream, q, func(q question) grammar { return &chunks{n: 1} }, func(events ...engine.Encoded) error {
		var texts []engine.Encoded
		for _, e := range events {
			data, err := nativeText(e.Data)
			if err != nil {
				return err
			}
			if data != nil {
				texts = append(texts, engine.Encoded{Data: data})
			}
		}
		if len(texts) == 0 {
			return nil
		}
		return emit(texts...)
	})
}

// nativeText makes {"text":…} of a chat chunk; nil if there is no text in it.
func nativeText(data []byte) ([]byte, error) {
	var chunk dialect.ChatChunk
	if err := json.Unmarshal(data, &chunk); err != nil {
		return nil, fmt.Errorf("read a chunk: %w", err)
	}
	text := ""
	for _, c := range chunk.Choices {
		for _, s := range []*string{c.Delta.Content, c.Delta.Refusal} {
			if s != nil {
				text += *s
			}
		}
	}
	if text == "" {
		return nil, nil
	}
	native, err := jsontext.AppendQuote([]byte(`{"text":`), text)
	if err != nil {
		return nil, fmt.Errorf("write a chunk: %w", err)
	}
	return append(native, '}'), nil
}
