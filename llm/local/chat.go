package local

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"penstock/dialect"
	"penstock/engine"
)

type chatChunk = dialect.ChatChunk

// decodeChat reads the body of POST /v1/chat/completions.
func (m *Model) decodeChat(in engine.Input) (request, error) {
	c, err := dialect.ParseChatRequest(in.Body)
	if err != nil {
		return decoded(request{}, err)
	}
	r, err := m.chatRequest(c)
	if err == nil {
		r.messages, err = m.conversationOf(c.Messages)
	}
	return decoded(r, err)
}

// chatRequest checks everything in a chat request but its messages.
func (m *Model) chatRequest(c *dialect.ChatRequest) (r request, err error) {
	if err := supportedChat(c); err != nil {
		return r, err
	}
	w := wishes{
		temperature: c.Temperature, topP: c.TopP, frequencyPenalty: c.FrequencyPenalty, presencePenalty: c.PresencePenalty,
		maxTokens: c.MaxCompletionTokens, seed: c.Seed, stop: c.Stop, logitBias: c.LogitBias, logprobs: -1, Extensions: c.Extensions,
	}
	if w.maxTokens == nil {
		w.maxTokens = c.MaxTokens
	}
	if c.Logprobs != nil && *c.Logprobs {
		w.logprobs = first(0, c.TopLogprobs)
	}
	r = request{param: "messages", usage: c.StreamOptions != nil && c.StreamOptions.IncludeUsage}
	r.settings, err = m.settings(w)
	return r, err
}

// supportedChat refuses what this model cannot do. Hints (user, store, metadata, service_tier, reasoning_effort …) pass.
func supportedChat(c *dialect.ChatRequest) error {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"tools", len(c.Tools) > 0},
		{"tool_choice", c.ToolChoice != nil && c.ToolChoice.Mode != "none" && c.ToolChoice.Mode != "auto"},
		{"functions", len(c.Functions) > 0},
		{"audio", present(c.Audio)},
		{"prediction", present(c.Prediction)},
		{"web_search_options", present(c.WebSearchOptions)},
	} {
		if f.given {
			return dialect.Unsupported(f.name, "")
		}
	}
	switch {
	case c.N != nil && *c.N > 1:
		return unsupportedValue("n", "Unsupported value: 'n' must be 1 with this model; send several requests instead.")
	case c.ResponseFormat != nil && c.ResponseFormat.Type != "text":
		return unsupportedValue("response_format.type", "Unsupported value: 'response_format.type' must be 'text' with this model.")
	case slices.ContainsFunc(c.Modalities, func(s string) bool { return s != "text" }):
		return unsupportedValue("modalities", "Unsupported value: 'modalities' must be ['text'] with this model.")
	case c.MaxTokens != nil && c.MaxCompletionTokens != nil && *c.MaxTokens != *c.MaxCompletionTokens:
		return dialect.InvalidValue("max_tokens", "'max_tokens' and 'max_completion_tokens' are two names of one thing; give one of them.")
	}
	return nil
}

// present reports whether a field holds anything but null.
func present(raw []byte) bool { return len(raw) > 0 && string(raw) != "null" }

// generateChat answers in the chunks of a chat completion: the role, the text, the reason for its end, maybe the usage.
func (m *Model) generateChat(ctx context.Context, j job, emit func(...chatChunk) error) (engine.End, error) {
	chunk := chatChunk{
		ID: "chatcmpl-" + rand.Text(), Object: dialect.ObjectChatChunk, Created: time.Now().Unix(),
		Model: m.options.Name, SystemFingerprint: m.fingerprint,
	}
	send := func(c dialect.ChunkChoice) error {
		chunk.Choices = []dialect.ChunkChoice{c}
		return emit(chunk)
	}
	if err := send(dialect.ChunkChoice{Delta: dialect.Delta{Role: "assistant", Content: new(string)}}); err != nil {
		return engine.End{}, err
	}
	end, err := m.generate(ctx, j, func(p piece) error {
		return send(dialect.ChunkChoice{Delta: dialect.Delta{Content: &p.text}, Logprobs: m.chatLogprobs(p.tokens)})
	})
	if err != nil {
		return engine.End{}, err
	}
	reason := end.Reason()
	if err := send(dialect.ChunkChoice{FinishReason: &reason}); err != nil {
		return engine.End{}, err
	}
	if j.usage {
		chunk.Choices, chunk.Usage = []dialect.ChunkChoice{}, usageOf(end)
		err = emit(chunk)
	}
	return end, err
}

func usageOf(end engine.End) *dialect.Usage {
	u := end.Usage()
	return &dialect.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens}
}

// chatLogprobs is nil where likelihoods were not asked for.
func (m *Model) chatLogprobs(tokens []chosenToken) *dialect.Logprobs {
	if len(tokens) == 0 {
		return nil
	}
	l := &dialect.Logprobs{Content: make([]dialect.TokenLogprob, len(tokens))}
	for i, t := range tokens {
		text, bytes := m.tokenText(t.id)
		c := dialect.TokenLogprob{Token: text, Logprob: t.logprob, Bytes: bytes, TopLogprobs: make([]dialect.TopLogprob, len(t.top))}
		for k, rival := range t.top {
			text, bytes := m.tokenText(rival.id)
			c.TopLogprobs[k] = dialect.TopLogprob{Token: text, Logprob: rival.logprob, Bytes: bytes}
		}
		l.Content[i] = c
	}
	return l
}

// tokenText returns what a token stands for: as text, in which a part of a character is U+FFFD, and as bytes.
func (m *Model) tokenText(id int64) (string, []int) {
	raw := m.tokenizer.TokenBytes(id)
	bytes := make([]int, len(raw))
	for i, b := range raw {
		bytes[i] = int(b)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD"), bytes
}
