package dialect

import (
	"encoding/json"
	"fmt"

	"penstock/strictjson"
)

// ResponsesRequest is the body of POST /v1/responses.
type ResponsesRequest struct {
	Model           string            `json:"model"`
	Input           ResponseInput     `json:"input"`
	Instructions    *string           `json:"instructions,omitzero"`
	MaxOutputTokens *int              `json:"max_output_tokens,omitzero"`
	Temperature     *float64          `json:"temperature,omitzero"`
	TopP            *float64          `json:"top_p,omitzero"`
	Text            *ResponseText     `json:"text,omitzero"`
	Stream          bool              `json:"stream,omitzero"`
	StreamOptions   *StreamOptions    `json:"stream_options,omitzero"`
	Tools           []json.RawMessage `json:"tools,omitzero"`
	ToolChoice      json.RawMessage   `json:"tool_choice,omitzero"`
	TopLogprobs     *int              `json:"top_logprobs,omitzero"`
	Truncation      string            `json:"truncation,omitzero"` // auto, disabled

	// State that a server keeps between requests.
	Background         *bool           `json:"background,omitzero"`
	Conversation       json.RawMessage `json:"conversation,omitzero"`
	PreviousResponseID *string         `json:"previous_response_id,omitzero"`
	Prompt             json.RawMessage `json:"prompt,omitzero"`
	Store              *bool           `json:"store,omitzero"`

	Include              []string        `json:"include,omitzero"`
	MaxToolCalls         *int            `json:"max_tool_calls,omitzero"`
	Metadata             json.RawMessage `json:"metadata,omitzero"`
	ParallelToolCalls    *bool           `json:"parallel_tool_calls,omitzero"`
	PromptCacheKey       string          `json:"prompt_cache_key,omitzero"`
	PromptCacheRetention string          `json:"prompt_cache_retention,omitzero"`
	Reasoning            json.RawMessage `json:"reasoning,omitzero"`
	SafetyIdentifier     string          `json:"safety_identifier,omitzero"`
	ServiceTier          string          `json:"service_tier,omitzero"`
	User                 string          `json:"user,omitzero"`

	Seed *int64 `json:"seed,omitzero"` // not OpenAI's here, as the Extensions
	Extensions
}

// responseUnused are the members of a request of /v1/responses that no Parameters have a field for.
var responseUnused = []string{
	"store", "include", "max_tool_calls", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention", "reasoning",
	"safety_identifier", "service_tier", "truncation", "text.verbosity", "stream_options.include_obfuscation",
}

// ResponseText is the form that the text of a response must have.
type ResponseText struct {
	Format    *ResponseFormat `json:"format,omitzero"`
	Verbosity string          `json:"verbosity,omitzero"`
}

// ResponseInput is a string, which is one user's message, or a list of items.
type ResponseInput struct {
	Text  *string
	Items []ResponseInputItem
}

// ResponseInputItem is a message; items of other types have no text. Of a response in the history
// there may be its reasoning, which is left out.
type ResponseInputItem struct {
	Type    string          `json:"type"` // message, or "", which means it too
	Role    string          `json:"role"`
	Content ResponseContent `json:"content"`
}

// ResponseContent is a string or a list of parts.
type ResponseContent struct {
	Text  *string
	Parts []ResponseInputPart
}

// ResponseInputPart is a part of an input message.
type ResponseInputPart struct {
	Type string `json:"type"` // input_text, output_text, refusal, input_image, input_file
	Text string `json:"text"`
}

// MarshalJSON writes the string or the list.
func (i ResponseInput) MarshalJSON() ([]byte, error) {
	if i.Text != nil {
		return json.Marshal(*i.Text)
	}
	return json.Marshal(i.Items)
}

// UnmarshalJSON reads a string or a list of items.
func (i *ResponseInput) UnmarshalJSON(data []byte) error {
	*i = ResponseInput{}
	switch data[0] {
	case '"':
		i.Text = new(string)
		return strictjson.Decode(data, i.Text)
	case '[':
		return unmarshalLoosely(data, &i.Items) // items have many fields, which only their type makes sense of
	}
	return strictjson.Mismatch("one of a string or array of objects", strictjson.TypeOf(data))
}

// MarshalJSON writes the string or the list.
func (c ResponseContent) MarshalJSON() ([]byte, error) {
	if c.Text != nil {
		return json.Marshal(*c.Text)
	}
	return json.Marshal(c.Parts)
}

// UnmarshalJSON reads a string or a list of parts.
func (c *ResponseContent) UnmarshalJSON(data []byte) error {
	*c = ResponseContent{}
	switch data[0] {
	case '"':
		c.Text = new(string)
		return strictjson.Decode(data, c.Text)
	case '[':
		return unmarshalLoosely(data, &c.Parts)
	}
	return strictjson.Mismatch("one of a string or array of objects", strictjson.TypeOf(data))
}

// ParseResponsesRequest reads and checks the body of POST /v1/responses. Its error is an *Error.
func ParseResponsesRequest(body []byte) (*ResponsesRequest, error) {
	r := new(ResponsesRequest)
	if err := parse(body, r); err != nil {
		return nil, err
	}
	var c checks
	c.given("model", r.Model != "")
	c.given("input", r.Input.Text != nil || r.Input.Items != nil)
	c.integer("max_output_tokens", r.MaxOutputTokens, 1, maxInteger)
	c.integer("top_logprobs", r.TopLogprobs, 0, 20)
	c.decimal("temperature", r.Temperature, 0, 2)
	c.decimal("top_p", r.TopP, 0, 1)
	c.streamOptions(r.Stream, r.StreamOptions)
	c.extensions(r.Extensions, r.Seed)
	if r.Text != nil && r.Text.Format != nil {
		c.oneOf("text.format.type", r.Text.Format.Type, "text", "json_object", "json_schema")
	}
	if c.failed != nil {
		return nil, c.failed
	}
	return r, nil
}

// Chat returns the equivalent chat request, streamed and with usage, for a model that keeps no
// state between requests and calls no tools. Its error is an *Error.
func (r *ResponsesRequest) Chat() (*ChatRequest, error) {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"previous_response_id", r.PreviousResponseID != nil},
		{"conversation", present(r.Conversation)},
		{"prompt", present(r.Prompt)},
		{"background", r.Background != nil && *r.Background},
	} {
		if f.given {
			return nil, Unsupported(f.name, "is not supported with this model: it keeps nothing between requests. Send the whole conversation as 'input'.")
		}
	}
	switch {
	case len(r.Tools) > 0:
		return nil, Unsupported("tools", "")
	case present(r.ToolChoice) && string(r.ToolChoice) != `"none"` && string(r.ToolChoice) != `"auto"`:
		return nil, Unsupported("tool_choice", "")
	case r.TopLogprobs != nil && *r.TopLogprobs > 0:
		return nil, Unsupported("top_logprobs", "")
	}
	c := &ChatRequest{
		Model: r.Model, Stream: true, StreamOptions: &StreamOptions{IncludeUsage: true},
		MaxCompletionTokens: r.MaxOutputTokens, Temperature: r.Temperature, TopP: r.TopP,
		Seed: r.Seed, Extensions: r.Extensions, Metadata: r.Metadata, User: r.User, SafetyIdentifier: r.SafetyIdentifier, ServiceTier: r.ServiceTier,
	}
	if r.Text != nil {
		c.ResponseFormat, c.Verbosity = r.Text.Format, r.Text.Verbosity
	}
	if r.Instructions != nil {
		c.Messages = append(c.Messages, Message{Role: "system", Content: Text(*r.Instructions)})
	}
	if r.Input.Text != nil {
		c.Messages = append(c.Messages, Message{Role: "user", Content: Text(*r.Input.Text)})
	}
	for i, item := range r.Input.Items {
		if item.Type == "reasoning" { // as reasoning_content in a chat
			continue
		}
		m, err := item.message(fmt.Sprintf("input[%d]", i))
		if err != nil {
			return nil, err
		}
		c.Messages = append(c.Messages, m)
	}
	return c, nil
}

func (i ResponseInputItem) message(at string) (Message, error) {
	if i.Type != "" && i.Type != "message" {
		return Message{}, InvalidValue(at+".type", "this model takes messages only.")
	}
	if i.Content.Text != nil {
		return Message{Role: i.Role, Content: Content{Text: i.Content.Text}}, nil
	}
	m := Message{Role: i.Role, Content: Content{Parts: []Part{}}}
	for n, p := range i.Content.Parts {
		if p.Type != "input_text" && p.Type != "output_text" {
			return m, InvalidValue(fmt.Sprintf("%s.content[%d].type", at, n), "this model takes text only.")
		}
		m.Content.Parts = append(m.Content.Parts, Part{Type: "text", Text: p.Text})
	}
	return m, nil
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
