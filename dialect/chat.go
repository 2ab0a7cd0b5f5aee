package dialect

// ObjectChat and ObjectChatChunk are the values of "object" in chat completions.
const (
	ObjectChat      = "chat.completion"
	ObjectChatChunk = "chat.completion.chunk"
)

// ChatCompletion is a whole response to a ChatRequest.
type ChatCompletion struct {
	ID                string       `json:"id"`
	Object            string       `json:"object"`
	Created           int64        `json:"created"` // Unix time in seconds
	Model             string       `json:"model"`
	Choices           []ChatChoice `json:"choices"`
	Usage             *Usage       `json:"usage,omitzero"`
	ServiceTier       string       `json:"service_tier,omitzero"`
	SystemFingerprint string       `json:"system_fingerprint,omitzero"`
}

// ChatChoice is one of the n completions of a ChatCompletion.
type ChatChoice struct {
	Index        int       `json:"index"`
	Message      Message   `json:"message"`
	Logprobs     *Logprobs `json:"logprobs"`
	FinishReason string    `json:"finish_reason"` // stop, length, tool_calls, content_filter, function_call
}

// ChatChunk is one event of a streamed response to a ChatRequest.
type ChatChunk struct {
	ID                string        `json:"id"`
	Object            string        `json:"object"`
	Created           int64         `json:"created"` // Unix time in seconds
	Model             string        `json:"model"`
	Choices           []ChunkChoice `json:"choices"` // empty, not null, in the chunk that carries usage
	Usage             *Usage        `json:"usage,omitzero"`
	ServiceTier       string        `json:"service_tier,omitzero"`
	SystemFingerprint string        `json:"system_fingerprint,omitzero"`
}

// ChunkChoice is what a chunk adds to one choice.
type ChunkChoice struct {
	Index        int       `json:"index"`
	Delta        ChatDelta `json:"delta"`
	Logprobs     *Logprobs `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"` // null until the choice's last chunk
}

// ChatDelta is the part of a message that a chunk brings. By convention the first one has the role
// and an empty content, the last one nothing.
type ChatDelta struct {
	Role         string          `json:"role,omitzero"`
	Content      *string         `json:"content,omitzero"`
	Refusal      *string         `json:"refusal,omitzero"`
	Reasoning    *string         `json:"reasoning_content,omitzero"` // not OpenAI's, but what servers of open models agree on
	ToolCalls    []ToolCallDelta `json:"tool_calls,omitzero"`
	FunctionCall *FunctionCall   `json:"function_call,omitzero"` // deprecated form of ToolCalls
}

// ToolCallDelta adds to the tool call with the same Index: ID, Type and the name come once,
// arguments in pieces.
type ToolCallDelta struct {
	Index    int           `json:"index"`
	ID       string        `json:"id,omitzero"`
	Type     string        `json:"type,omitzero"`
	Function *FunctionCall `json:"function,omitzero"`
}

// Usage counts tokens.
type Usage struct {
	PromptTokens            int                      `json:"prompt_tokens"`
	CompletionTokens        int                      `json:"completion_tokens"`
	TotalTokens             int                      `json:"total_tokens"`
	PromptTokensDetails     *PromptTokensDetails     `json:"prompt_tokens_details,omitzero"`
	CompletionTokensDetails *CompletionTokensDetails `json:"completion_tokens_details,omitzero"`
}

// PromptTokensDetails counts tokens of the prompt by kind.
type PromptTokensDetails struct {
	CachedTokens int `json:"cached_tokens"`
	AudioTokens  int `json:"audio_tokens"`
}

// CompletionTokensDetails counts tokens of the completion by kind.
type CompletionTokensDetails struct {
	ReasoningTokens          int `json:"reasoning_tokens"`
	AudioTokens              int `json:"audio_tokens"`
	AcceptedPredictionTokens int `json:"accepted_prediction_tokens"`
	RejectedPredictionTokens int `json:"rejected_prediction_tokens"`
}

// Logprobs are log probabilities of the tokens of a chat completion.
type Logprobs struct {
	Content []TokenLogprob `json:"content"` // nil is null
	Refusal []TokenLogprob `json:"refusal"` // nil is null
}

// TokenLogprob is the log probability of one token, and of those it was chosen from.
type TokenLogprob struct {
	Token       string       `json:"token"`
	Logprob     float64      `json:"logprob"`
	Bytes       []int        `json:"bytes"` // the token's UTF-8 bytes; nil is null
	TopLogprobs []TopLogprob `json:"top_logprobs"`

	Offset int `json:"-"` // characters of the completion before the token
}

// TopLogprob is a token that could have been chosen.
type TopLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}
