package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/template"
)

// nativeChunk is a chunk of the verb stream.
type nativeChunk struct {
	Text string `json:"text"`
}

// decodeNative reads the input of the verb stream: a chat request, in which a prompt may stand for one user's message,
// and which names no model. In a query it is the same, each field converted by its type.
func (m *Model) decodeNative(in engine.Input) (request, error) {
	r, err := m.nativeRequest(in)
	return decoded(r, err)
}

func (m *Model) nativeRequest(in engine.Input) (r request, err error) {
	f, err := dialect.NativeFields(in.Body, in.Query)
	if err != nil {
		return r, err
	}
	var prompt *string
	if raw, ok := f["prompt"]; ok {
		if err := json.Unmarshal(raw, &prompt); err != nil {
			return r, dialect.InvalidValue("prompt", "it must be a string.")
		}
		delete(f, "prompt")
		f["messages"] = json.RawMessage(`[{"role":"user","content":""}]`)
	}
	f["model"], _ = json.Marshal(m.options.Name) // always encodes
	body, err := json.Marshal(f)
	if err != nil {
		return r, fmt.Errorf("write the request anew: %w", err)
	}
	c, err := dialect.ParseChatRequest(body)
	if d, ok := errors.AsType[*dialect.Error](err); ok && d.Param == "messages" && d.Code == "missing_required_parameter" {
		d.Message = `Missing required parameter: give "prompt" or "messages".`
	}
	if err != nil {
		return r, err
	}
	if c.Logprobs != nil && *c.Logprobs {
		return r, dialect.Unsupported("logprobs", "is not supported here; use /v1/chat/completions.")
	}
	if r, err = m.chatRequest(c); err != nil {
		return r, err
	}
	switch {
	case prompt == nil:
		r.messages, err = m.conversationOf(c.Messages)
	case m.template == nil: // a model without a chat template goes on with the text itself
		r.text, r.param = prompt, "prompt"
	default:
		r.messages, r.param = []template.Message{{Role: "user", Content: *prompt}}, "prompt"
	}
	return r, err
}

// generateNative answers in chunks of text.
func (m *Model) generateNative(ctx context.Context, j job, emit func(...nativeChunk) error) (engine.End, error) {
	return m.generate(ctx, j, func(p piece) error { return emit(nativeChunk{p.text}) })
}
