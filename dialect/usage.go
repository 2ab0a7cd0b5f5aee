package dialect

import "encoding/json"

// ParseUsage reads the member "usage" of a response of any of OpenAI's routes. It returns false if
// that reports no tokens.
func ParseUsage(raw []byte) (Usage, bool) {
	var u struct {
		Usage
		InputTokens  int `json:"input_tokens"` // of /v1/responses
		OutputTokens int `json:"output_tokens"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &u) != nil {
		return Usage{}, false
	}
	u.PromptTokens = max(u.PromptTokens, u.InputTokens)
	u.CompletionTokens = max(u.CompletionTokens, u.OutputTokens)
	return u.Usage, u.Reports()
}

// Reports reports whether the numbers make sense, and are not all zero.
func (u Usage) Reports() bool {
	return u.PromptTokens >= 0 && u.CompletionTokens >= 0 && u.PromptTokens+u.CompletionTokens > 0
}
