package dialect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// translated is the Remote of requests in any dialect that are sent as /chat/completions.
type translated struct{}

// Name implements Remote.
func (translated) Name() Name { return Chat }

// Path implements Remote.
func (translated) Path() string { return "/chat/completions" }

// Reader implements Remote.
func (translated) Reader(r *Request, _ bool) Reader { return newChunkReader(Chat, r, true) }

// Body implements Remote. Requests that consist of a chat request's members keep those that no
// field here has.
func (translated) Body(r *Request) (Body, error) {
	members, err := chatMembers(r)
	if err != nil {
		return Body{}, err
	}
	members["stream"] = json.RawMessage(`true`)
	delete(members, "stream_options") // Body.For adds it
	p, body, err := peekRequest(objectOf(members))
	if err == nil && r.Dialect == Native && p.N > 1 {
		err = InvalidValue("n", "this route returns one completion: leave n out, or use /v1/chat/completions.")
	}
	return body, err
}

// chatMembers returns the members of the chat request that requests the same. The map is the
// caller's.
func chatMembers(r *Request) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	switch r.Dialect {
	case Chat:
		return fieldsOfBody(r.Body)
	case Native:
		return nativeChatMembers(r)
	default:
	}
	p, err := r.Parameters()
	if err != nil {
		return nil, err
	}
	r.Ignore(p.Unused...)
	chat, err := p.chat()
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(chat)
	if err == nil {
		err = json.Unmarshal(data, &members)
	}
	if err != nil {
		return nil, fmt.Errorf("write a chat request: %w", err)
	}
	return members, nil
}

// nativeChatMembers returns the client's own members, with a message in place of a prompt.
func nativeChatMembers(r *Request) (map[string]json.RawMessage, error) {
	members := maps.Clone(r.fields)
	if prompt, ok := members["prompt"]; ok {
		delete(members, "prompt")
		members["messages"] = slices.Concat(json.RawMessage(`[{"role":"user","content":`), prompt, json.RawMessage(`}]`))
	}
	if members["messages"] == nil {
		return nil, badRequest("messages", codeMissing, `Missing required parameter: give "prompt" or "messages".`)
	}
	return members, nil
}

// chat returns the chat request with these parameters.
func (p *Parameters) chat() (*ChatRequest, error) {
	for _, other := range p.Other {
		return nil, Unsupported(other.Name, "")
	}
	c := &ChatRequest{
		Messages:            p.Messages,
		MaxCompletionTokens: p.MaxTokens,
		Temperature:         p.Temperature,
		TopP:                p.TopP,
		FrequencyPenalty:    p.FrequencyPenalty,
		PresencePenalty:     p.PresencePenalty,
		LogitBias:           p.LogitBias,
		Seed:                p.Seed,
		Stop:                p.Stop,
		Tools:               p.Tools,
		ToolChoice:          p.ToolChoice,
		ParallelToolCalls:   p.ParallelToolCalls,
		ResponseFormat:      p.ResponseFormat,
		ReasoningEffort:     p.ReasoningEffort,
		Metadata:            p.Metadata,
		User:                p.User,
		Extensions:          p.Extensions,
	}
	if p.Logprobs != nil {
		yes := true
		c.Logprobs, c.TopLogprobs = &yes, p.Logprobs
	}
	if p.N > 1 {
		c.N = &p.N
	}
	if p.Messages == nil {
		if p.Prompt == nil || len(p.Prompt.Texts) != 1 {
			return nil, InvalidValue(p.Names.Input, "this model takes one text.")
		}
		c.Messages = []Message{{Role: "user", Content: Text(p.Prompt.Texts[0])}}
	}
	return c, nil
}
