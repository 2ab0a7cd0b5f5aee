package dialect

import (
	"encoding/json"
	"strings"
)

// looseChunk reads a chunk of which some values have another shape than OpenAI's. What is text is
// taken, and what makes no sense is left out. Its error is that of the syntax.
func looseChunk(data []byte) (serverChunk, error) {
	members, err := membersOf(data)
	if err != nil {
		return serverChunk{}, err
	}
	c := serverChunk{Usage: members["usage"]}
	if fingerprint := textOf(members["system_fingerprint"]); fingerprint != "" {
		c.SystemFingerprint = &fingerprint
	}
	for position, raw := range listOf(members["choices"]) {
		if choice, err := membersOf(raw); err == nil {
			c.Choices = append(c.Choices, looseChoice(choice, position))
		}
	}
	return c, nil
}

func looseChoice(members map[string]json.RawMessage, position int) serverChoice {
	c := serverChoice{Index: indexOf(members["index"], position), Logprobs: members["logprobs"]}
	var reason string
	if json.Unmarshal(members["finish_reason"], &reason) == nil {
		c.FinishReason = &reason
	}
	delta, err := membersOf(members["delta"])
	if err != nil { // the text itself
		delta = map[string]json.RawMessage{"content": members["delta"]}
	}
	text := func(name string) *string {
		s := textOf(delta[name])
		return &s
	}
	c.Delta = serverDelta{
		Content: text("content"), Refusal: text("refusal"),
		Reasoning: text("reasoning"), ReasoningContent: text("reasoning_content"),
	}
	if *c.Delta.Reasoning == "" {
		*c.Delta.Reasoning = thoughtsOf(delta["content"])
	}
	for _, raw := range listOf(delta["tool_calls"]) {
		if call, err := membersOf(raw); err == nil {
			c.Delta.ToolCalls = append(c.Delta.ToolCalls, looseCall(call))
		}
	}
	return c
}

func looseCall(members map[string]json.RawMessage) serverCall {
	c := serverCall{ID: loosely(members["id"]), Type: loosely(members["type"])}
	if n, ok := integer(members["index"]); ok && n >= 0 {
		c.Index = &n
	}
	if function, err := membersOf(members["function"]); err == nil {
		c.Function = &FunctionCall{Name: loosely(function["name"])}
		if arguments := function["arguments"]; len(arguments) > 0 && arguments[0] != 'n' {
			c.Function.Arguments = loosely(arguments) // an object is the text that it should have been in
		}
	}
	return c
}

// membersOf reads an object.
func membersOf(raw []byte) (members map[string]json.RawMessage, err error) {
	return members, json.Unmarshal(raw, &members)
}

// listOf returns the elements of a list, or an object as the only one.
func listOf(raw json.RawMessage) (list []json.RawMessage) {
	if len(raw) > 0 && raw[0] == '{' {
		return []json.RawMessage{raw}
	}
	_ = json.Unmarshal(raw, &list) // anything else has none
	return list
}

// indexOf reads an index, which is the position if there is none.
func indexOf(raw json.RawMessage, position int) int {
	if n, ok := integer(raw); ok && len(raw) > 0 {
		return n
	}
	return position
}

// textOf returns the text of a value: of a string, of the parts of a list, or of an object that has
// a text.
func textOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s) // its syntax has been checked
		return s
	case '[':
		var b strings.Builder
		for _, part := range listOf(raw) {
			b.WriteString(textOf(part))
		}
		return b.String()
	case '{':
		part, _ := membersOf(raw) // its syntax has been checked
		for _, name := range []string{"text", "content", "value", "refusal"} {
			if text := textOf(part[name]); text != "" {
				return text
			}
		}
	}
	return ""
}

// thoughtsOf returns what the parts of a content have of reasoning, as Mistral's servers send it.
func thoughtsOf(content json.RawMessage) string {
	var b strings.Builder
	if len(content) > 0 && content[0] == '[' {
		for _, part := range listOf(content) {
			members, _ := membersOf(part) // a part of another shape has none
			b.WriteString(textOf(members["thinking"]))
		}
	}
	return b.String()
}
