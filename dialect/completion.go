package dialect

import (
	"encoding/json"

	"penstock/strictjson"
)

// ObjectCompletion is the value of "object" in whole text completions and in their chunks alike.
const ObjectCompletion = "text_completion"

// Completion is a whole response to a CompletionRequest, or one chunk of a streamed one: the two
// have the same form.
type Completion struct {
	ID                string             `json:"id"`
	Object            string             `json:"object"`
	Created           int64              `json:"created"` // Unix time in seconds
	Model             string             `json:"model"`
	Choices           []CompletionChoice `json:"choices"` // empty, not null, in the chunk that carries usage
	Usage             *Usage             `json:"usage,omitzero"`
	SystemFingerprint string             `json:"system_fingerprint,omitzero"`
}

// CompletionChoice is one of the completions, or what a chunk adds to it.
type CompletionChoice struct {
	Index        int                 `json:"index"`
	Text         string              `json:"text"`
	Logprobs     *CompletionLogprobs `json:"logprobs"`
	FinishReason *string             `json:"finish_reason"` // null until the choice's last chunk
}

// CompletionLogprobs are log probabilities in the form of text completions: four lists of one
// length.
type CompletionLogprobs struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []*float64           `json:"token_logprobs"` // null for the first token of an echoed prompt
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

// CompletionRequest is the body of POST /v1/completions.
type CompletionRequest struct {
	Model            string             `json:"model"`
	Prompt           Prompt             `json:"prompt"`
	BestOf           *int               `json:"best_of,omitzero"`
	Echo             *bool              `json:"echo,omitzero"`
	FrequencyPenalty *float64           `json:"frequency_penalty,omitzero"`
	LogitBias        map[string]float64 `json:"logit_bias,omitzero"`
	Logprobs         *int               `json:"logprobs,omitzero"`
	MaxTokens        *int               `json:"max_tokens,omitzero"`
	N                *int               `json:"n,omitzero"`
	PresencePenalty  *float64           `json:"presence_penalty,omitzero"`
	Seed             *int64             `json:"seed,omitzero"`
	Stop             Stop               `json:"stop,omitzero"`
	Stream           bool               `json:"stream,omitzero"`
	StreamOptions    *StreamOptions     `json:"stream_options,omitzero"`
	Suffix           *string            `json:"suffix,omitzero"`
	Temperature      *float64           `json:"temperature,omitzero"`
	TopP             *float64           `json:"top_p,omitzero"`
	User             string             `json:"user,omitzero"`

	Extensions
}

// Prompt is a string, a list of them, a list of token ids, or a list of such lists. One of the two
// fields is set.
type Prompt struct {
	Texts  []string
	Tokens [][]int
}

// MarshalJSON writes the shortest of the forms.
func (p Prompt) MarshalJSON() ([]byte, error) {
	switch {
	case len(p.Texts) == 1:
		return json.Marshal(p.Texts[0])
	case p.Texts != nil:
		return json.Marshal(p.Texts)
	case len(p.Tokens) == 1:
		return json.Marshal(p.Tokens[0])
	}
	return json.Marshal(p.Tokens)
}

// UnmarshalJSON reads any of the four forms.
func (p *Prompt) UnmarshalJSON(data []byte) error {
	*p = Prompt{}
	wrong := strictjson.Mismatch("one of a string, array of strings, array of integers, or array of arrays of integers", strictjson.TypeOf(data))
	switch {
	case data[0] == '"':
		p.Texts = make([]string, 1)
		return strictjson.Decode(data, &p.Texts[0])
	case data[0] != '[':
		return wrong
	}
	for _, form := range []func() error{
		func() error { return strictjson.Decode(data, &p.Texts) },
		func() error { return strictjson.Decode(data, &p.Tokens) },
		func() error { p.Tokens = make([][]int, 1); return strictjson.Decode(data, &p.Tokens[0]) },
	} {
		if *p = (Prompt{}); form() == nil {
			return nil
		}
	}
	return wrong
}

// ParseCompletionRequest reads and checks the body of POST /v1/completions. Its error is an *Error.
func ParseCompletionRequest(body []byte) (*CompletionRequest, error) {
	r := new(CompletionRequest)
	if err := parse(body, r); err != nil {
		return nil, err
	}
	var c checks
	c.given("model", r.Model != "")
	c.given("prompt", len(r.Prompt.Texts)+len(r.Prompt.Tokens) > 0)
	c.integer("best_of", r.BestOf, 1, 20)
	c.integer("logprobs", r.Logprobs, 0, 5)
	c.integer("max_tokens", r.MaxTokens, 0, maxInteger)
	c.integer("n", r.N, 1, 128)
	c.decimal("frequency_penalty", r.FrequencyPenalty, -2, 2)
	c.decimal("presence_penalty", r.PresencePenalty, -2, 2)
	c.decimal("temperature", r.Temperature, 0, 2)
	c.decimal("top_p", r.TopP, 0, 1)
	c.stop(r.Stop)
	c.streamOptions(r.Stream, r.StreamOptions)
	c.extensions(r.Extensions, r.Seed)
	if c.failed != nil {
		return nil, c.failed
	}
	return r, nil
}
