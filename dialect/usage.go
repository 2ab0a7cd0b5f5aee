package dialect

import "encoding/json"

// ParseUsage reads the member "usage" of a response of any of OpenAI's routes. It returns false if
// that reports no tokens.
func ParseUsage(raw []byte) (Usage, bool) {
	u := usageOf(raw)
	return u, u.Reports()
}

// usageOf reads a usage, by the names of any of OpenAI's routes. It is zero if its numbers make no
// sense.
func usageOf(raw []byte) Usage {
	if len(raw) == 0 {
		return Usage{}
	}
	var u struct {
		Usage
		InputTokens  int `json:"input_tokens"` // of /v1/responses
		OutputTokens int `json:"output_tokens"`
	}
	if json.Unmarshal(raw, &u) != nil {
		u.Usage, u.InputTokens, u.OutputTokens = looseUsage(raw)
	}
	if u.InputTokens > 0 || u.OutputTokens > 0 {
		u.PromptTokens, u.CompletionTokens = max(u.PromptTokens, u.InputTokens), max(u.CompletionTokens, u.OutputTokens)
	}
	return u.Usage
}

// looseUsage reads a usage whose numbers are strings, or have fractions. Of the details it reads
// those that /v1/responses has too.
func looseUsage(raw []byte) (u Usage, input, output int) {
	members, err := membersOf(raw)
	if err != nil {
		return u, 0, 0
	}
	number := func(of map[string]json.RawMessage, name string) int {
		n, _ := integer(of[name])
		return max(0, n)
	}
	u = Usage{
		PromptTokens: number(members, "prompt_tokens"), CompletionTokens: number(members, "completion_tokens"),
		TotalTokens: number(members, "total_tokens"),
	}
	if details, err := membersOf(members["prompt_tokens_details"]); err == nil && details != nil {
		u.PromptTokensDetails = &PromptTokensDetails{CachedTokens: number(details, "cached_tokens")}
	}
	if details, err := membersOf(members["completion_tokens_details"]); err == nil && details != nil {
		u.CompletionTokensDetails = &CompletionTokensDetails{ReasoningTokens: number(details, "reasoning_tokens")}
	}
	return u, number(members, "input_tokens"), number(members, "output_tokens")
}

// Reports reports whether the numbers make sense, and are not all zero.
func (u Usage) Reports() bool {
	return u.PromptTokens >= 0 && u.CompletionTokens >= 0 && u.PromptTokens+u.CompletionTokens > 0
}
