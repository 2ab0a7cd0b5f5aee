package dialect

import (
	"penstock/sse"
)

// NewChat returns the codec of POST /v1/chat/completions.
func NewChat() Codec { return chatCodec{openAI{Chat}} }

type chatCodec struct{ openAI }

// Decode implements Codec.
func (chatCodec) Decode(in Input) (*Request, error) {
	return decodeOpenAI(Chat, in, func(body []byte) (*Parameters, error) {
		c, err := ParseChatRequest(body)
		if err != nil {
			return nil, err
		}
		return c.parameters()
	})
}

// parameters returns the request in the terms of all dialects.
func (c *ChatRequest) parameters() (*Parameters, error) {
	p := &Parameters{
		Messages: c.Messages, MaxTokens: c.MaxCompletionTokens, Temperature: c.Temperature, TopP: c.TopP,
		FrequencyPenalty: c.FrequencyPenalty, PresencePenalty: c.PresencePenalty, LogitBias: c.LogitBias,
		Seed: c.Seed, Stop: c.Stop, N: 1, Extensions: c.Extensions, Tools: c.Tools, ToolChoice: c.ToolChoice,
		ParallelToolCalls: c.ParallelToolCalls, ResponseFormat: c.ResponseFormat,
		ReasoningEffort: c.ReasoningEffort, Metadata: c.Metadata, User: c.User,
		Names: ParameterNames{Input: "messages", MaxTokens: "max_tokens", Logprobs: "top_logprobs", Format: "response_format.type"},
	}
	if p.MaxTokens == nil {
		p.MaxTokens = c.MaxTokens
	} else if c.MaxTokens != nil && *c.MaxTokens != *p.MaxTokens {
		return nil, InvalidValue("max_tokens", "'max_tokens' and 'max_completion_tokens' are two names of one thing; give one of them.")
	}
	if c.N != nil {
		p.N = *c.N
	}
	if c.Logprobs != nil && *c.Logprobs {
		p.Logprobs = new(int)
		if c.TopLogprobs != nil {
			*p.Logprobs = *c.TopLogprobs
		}
	}
	if len(c.Functions) > 0 {
		p.Other = append(p.Other, OtherParameter{Name: "functions"})
	}
	for _, o := range []OtherParameter{
		{"audio", c.Audio}, {"prediction", c.Prediction}, {"web_search_options", c.WebSearchOptions},
	} {
		if present(o.Value) {
			p.Other = append(p.Other, o)
		}
	}
	for _, m := range c.Modalities {
		if m != "text" {
			p.Other = append(p.Other, OtherParameter{Name: "modalities"})
			break
		}
	}
	return p, nil
}

// Stream implements Codec.
func (chatCodec) Stream(r *Request) Encoder {
	return &chatEncoder{newChunkEncoder(r, Chat, "chatcmpl-")}
}

type chatEncoder struct{ chunkEncoder }

// Encode implements Encoder.
func (e *chatEncoder) Encode(into []sse.Event, deltas []Delta) (_ []sse.Event, err error) {
	for i := range deltas {
		d := &deltas[i]
		if d.Dialect == Chat {
			into = append(append(into, d.Event), d.More...)
			continue
		}
		if into, err = e.delta(into, d); err != nil {
			return nil, err
		}
	}
	return into, nil
}

// delta appends the chunks of a delta.
func (e *chatEncoder) delta(into []sse.Event, d *Delta) (_ []sse.Event, err error) {
	e.fingerprint = orElse(d.Fingerprint, e.fingerprint)
	choices := chunkChoices(d)
	if !e.begun && (len(choices) > 0 || d.Usage != nil) {
		e.begun = true
		if into, err = e.choice(into, ChunkChoice{Delta: ChatDelta{Role: "assistant", Content: new(string)}}); err != nil {
			return nil, err
		}
	}
	for _, c := range choices {
		if into, err = e.choice(into, c); err != nil {
			return nil, err
		}
	}
	if d.Usage != nil && e.usage {
		return appendJSON(into, e.chunk([]ChunkChoice{}, d.Usage))
	}
	return into, nil
}

func (e *chatEncoder) choice(into []sse.Event, c ChunkChoice) ([]sse.Event, error) {
	return appendJSON(into, e.chunk([]ChunkChoice{c}, nil))
}

func (e *chatEncoder) chunk(choices []ChunkChoice, u *Usage) ChatChunk {
	return ChatChunk{
		ID: e.id, Object: ObjectChatChunk, Created: e.created, Model: e.model,
		Choices: choices, Usage: u, SystemFingerprint: e.fingerprint,
	}
}

// chunkChoices returns what a delta adds to its choice: its content, and, in a chunk of its own,
// the reason why it ended.
func chunkChoices(d *Delta) (all []ChunkChoice) {
	c := ChunkChoice{Index: d.Choice, Delta: ChatDelta{ToolCalls: d.Calls}}
	if d.Text != "" || len(d.Logprobs) > 0 {
		c.Delta.Content = &d.Text
	}
	if d.Refusal != "" {
		c.Delta.Refusal = &d.Refusal
	}
	if d.Reasoning != "" {
		c.Delta.Reasoning = &d.Reasoning
	}
	if len(d.Logprobs) > 0 {
		c.Logprobs = &Logprobs{Content: d.Logprobs}
	}
	if c.Delta.Content != nil || c.Delta.Refusal != nil || c.Delta.Reasoning != nil || len(d.Calls) > 0 {
		all = append(all, c)
	}
	if d.Finish != "" {
		all = append(all, ChunkChoice{Index: d.Choice, FinishReason: &d.Finish})
	}
	return all
}

// Whole implements Codec.
func (chatCodec) Whole(r *Request) Gatherer {
	e := newChunkEncoder(r, Chat, "chatcmpl-")
	return &chatGatherer{
		whole:   ChatCompletion{ID: e.id, Object: ObjectChat, Created: e.created, Model: e.model, Choices: []ChatChoice{}},
		choices: map[int]*chatGathering{},
	}
}

type chatGatherer struct {
	whole   ChatCompletion
	choices map[int]*chatGathering
}

// Add implements Gatherer.
func (g *chatGatherer) Add(deltas ...Delta) error {
	for i := range deltas {
		d := &deltas[i]
		g.whole.SystemFingerprint = orElse(d.Fingerprint, g.whole.SystemFingerprint)
		more := chunkChoices(d)
		if d.Usage != nil {
			g.whole.Usage = d.Usage
			if len(more) == 0 {
				continue
			}
		}
		c := g.choices[d.Choice]
		if c == nil {
			c = new(chatGathering)
			g.choices[d.Choice] = c
		}
		for _, choice := range more {
			c.add(choice)
		}
	}
	return nil
}

// Whole implements Gatherer.
func (g *chatGatherer) Whole(end End) ([]byte, error) {
	for _, index := range sortedKeys(g.choices) {
		g.whole.Choices = append(g.whole.Choices, g.choices[index].choice(index))
	}
	g.whole.Usage = usageOr(g.whole.Usage, end)
	return marshalPlain(g.whole)
}
