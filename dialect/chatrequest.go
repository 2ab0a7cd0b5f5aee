package dialect

import (
	"encoding/json"
	"fmt"

	"penstock/strictjson"
)

// ChatRequest is the body of POST /v1/chat/completions. Pointers are nil where the request names no
// value; defaults are the model's.
type ChatRequest struct {
	Model               string             `json:"model"`
	Messages            []Message          `json:"messages"`
	FrequencyPenalty    *float64           `json:"frequency_penalty,omitzero"`
	LogitBias           map[string]float64 `json:"logit_bias,omitzero"` // by token id
	Logprobs            *bool              `json:"logprobs,omitzero"`
	TopLogprobs         *int               `json:"top_logprobs,omitzero"`
	MaxTokens           *int               `json:"max_tokens,omitzero"` // older name of MaxCompletionTokens
	MaxCompletionTokens *int               `json:"max_completion_tokens,omitzero"`
	N                   *int               `json:"n,omitzero"`
	PresencePenalty     *float64           `json:"presence_penalty,omitzero"`
	ResponseFormat      *ResponseFormat    `json:"response_format,omitzero"`
	Seed                *int64             `json:"seed,omitzero"`
	Stop                Stop               `json:"stop,omitzero"`
	Stream              bool               `json:"stream,omitzero"`
	StreamOptions       *StreamOptions     `json:"stream_options,omitzero"`
	Temperature         *float64           `json:"temperature,omitzero"`
	TopP                *float64           `json:"top_p,omitzero"`

	Tools             []Tool          `json:"tools,omitzero"`
	ToolChoice        *ToolChoice     `json:"tool_choice,omitzero"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls,omitzero"`
	Functions         []Function      `json:"functions,omitzero"`     // deprecated form of Tools
	FunctionCall      json.RawMessage `json:"function_call,omitzero"` // deprecated form of ToolChoice

	Audio                json.RawMessage `json:"audio,omitzero"`
	Metadata             json.RawMessage `json:"metadata,omitzero"`
	Modalities           []string        `json:"modalities,omitzero"`
	Prediction           json.RawMessage `json:"prediction,omitzero"`
	PromptCacheKey       string          `json:"prompt_cache_key,omitzero"`
	PromptCacheRetention string          `json:"prompt_cache_retention,omitzero"`
	ReasoningEffort      string          `json:"reasoning_effort,omitzero"`
	SafetyIdentifier     string          `json:"safety_identifier,omitzero"`
	ServiceTier          string          `json:"service_tier,omitzero"`
	Store                *bool           `json:"store,omitzero"`
	User                 string          `json:"user,omitzero"`
	Verbosity            string          `json:"verbosity,omitzero"`
	WebSearchOptions     json.RawMessage `json:"web_search_options,omitzero"`

	Extensions
}

// Extensions are parameters of the completion that are not OpenAI's but that servers of open models
// agree on.
type Extensions struct {
	TopK              *int     `json:"top_k,omitzero"`
	MinP              *float64 `json:"min_p,omitzero"`
	RepetitionPenalty *float64 `json:"repetition_penalty,omitzero"`

	IgnoreEOS  *bool  `json:"ignore_eos,omitzero"`  // the model's end tokens do not end the completion
	MinTokens  *int   `json:"min_tokens,omitzero"`  // tokens before which the completion does not end
	RandomSeed *int64 `json:"random_seed,omitzero"` // another name of seed
}

// StreamOptions are the options of a streamed response.
type StreamOptions struct {
	IncludeUsage       bool  `json:"include_usage,omitzero"`
	IncludeObfuscation *bool `json:"include_obfuscation,omitzero"`
}

// ResponseFormat is the form that a completion must have.
type ResponseFormat struct {
	Type       string          `json:"type"` // text, json_object, json_schema
	JSONSchema json.RawMessage `json:"json_schema,omitzero"`
}

// Stop are up to four strings at which the completion ends. In JSON it is a string or a list of
// them.
type Stop []string

// UnmarshalJSON reads a string, a list of strings, or null.
func (s *Stop) UnmarshalJSON(data []byte) error {
	*s = nil
	switch data[0] {
	case 'n':
		return nil
	case '"':
		*s = make(Stop, 1)
		return strictjson.Decode(data, &(*s)[0])
	case '[':
		return strictjson.Decode(data, (*[]string)(s))
	}
	return strictjson.Mismatch("one of a string or array of strings", strictjson.TypeOf(data))
}

// ParseChatRequest reads and checks the body of POST /v1/chat/completions. Its error is an *Error.
// Members that neither OpenAI nor Extensions name are left out; whether a model supports a
// parameter is checked by the model.
func ParseChatRequest(body []byte) (*ChatRequest, error) {
	r := new(ChatRequest)
	if err := parse(body, r); err != nil {
		return nil, err
	}
	var c checks
	c.given("model", r.Model != "")
	c.messages(r.Messages)
	c.integer("max_tokens", r.MaxTokens, 1, maxInteger)
	c.integer("max_completion_tokens", r.MaxCompletionTokens, 1, maxInteger)
	c.integer("n", r.N, 1, 128)
	c.integer("top_logprobs", r.TopLogprobs, 0, 20)
	c.decimal("frequency_penalty", r.FrequencyPenalty, -2, 2)
	c.decimal("presence_penalty", r.PresencePenalty, -2, 2)
	c.decimal("temperature", r.Temperature, 0, 2)
	c.decimal("top_p", r.TopP, 0, 1)
	c.stop(r.Stop)
	c.streamOptions(r.Stream, r.StreamOptions)
	c.extensions(r.Extensions, r.Seed)
	if r.TopLogprobs != nil && (r.Logprobs == nil || !*r.Logprobs) {
		c.fail(InvalidValue("top_logprobs", "'logprobs' must be true when 'top_logprobs' is given."))
	}
	if r.ResponseFormat != nil {
		c.oneOf("response_format.type", r.ResponseFormat.Type, "text", "json_object", "json_schema")
	}
	if c.failed != nil {
		return nil, c.failed
	}
	return r, nil
}

// messages checks that there are some and that each has what its role needs.
func (c *checks) messages(messages []Message) {
	c.given("messages", messages != nil)
	if messages != nil && len(messages) == 0 {
		c.fail(badRequest("messages", "empty_array", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."))
	}
	for i, m := range messages {
		at := fmt.Sprintf("messages[%d]", i)
		c.oneOf(at+".role", m.Role, "system", "developer", "user", "assistant", "tool", "function")
		switch {
		case m.Role == "tool":
			c.given(at+".tool_call_id", m.ToolCallID != "")
		case m.Role == "assistant":
		case m.Content.Text == nil && m.Content.Parts == nil:
			c.fail(badRequest(at+".content", codeInvalidType, "Invalid type for '%s.content': expected one of a string or array of objects, but got null instead.", at))
		}
		for j, p := range m.Content.Parts {
			c.oneOf(fmt.Sprintf("%s.content[%d].type", at, j), p.Type, "text", "refusal", "image_url", "input_audio", "file")
		}
	}
}
