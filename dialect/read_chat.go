package dialect

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// maxCalls bounds how many tool calls a choice may have.
const maxCalls = 1024

// serverChunk is a chunk of /v1/chat/completions as servers send it: with reasoning, by either of
// its names, and with values that are read on their own, as a server may get them wrong.
type serverChunk struct {
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content          *string         `json:"content"`
			Reasoning        *string         `json:"reasoning"`         // OpenRouter, vLLM
			ReasoningContent *string         `json:"reasoning_content"` // DeepSeek, llama.cpp
			Refusal          *string         `json:"refusal"`
			ToolCalls        []ToolCallDelta `json:"tool_calls"`
		} `json:"delta"`
		Logprobs     json.RawMessage `json:"logprobs"`
		FinishReason *string         `json:"finish_reason"`
	} `json:"choices"`
	Usage             json.RawMessage `json:"usage"`
	SystemFingerprint *string         `json:"system_fingerprint"`
}

// typedDeltas appends the deltas of a chunk: one for each choice in which it has values, and one
// for a usage after the last choice.
func (c *chunkReader) typedDeltas(into []Delta, data []byte) ([]Delta, error) {
	var chunk serverChunk
	if err := json.Unmarshal(data, &chunk); err != nil {
		return into, fmt.Errorf("read a chunk: %w", err)
	}
	for _, choice := range chunk.Choices {
		d := choice.Delta
		if choice.Index < 0 || choice.Index >= maxChoices { // each takes memory where choices are gathered
			return into, fmt.Errorf("read a chunk: a choice with the index %d", choice.Index)
		}
		for _, call := range d.ToolCalls {
			if call.Index < 0 || call.Index >= maxCalls {
				return into, fmt.Errorf("read a chunk: a tool call with the index %d", call.Index)
			}
		}
		delta := Delta{
			Choice:    choice.Index,
			Text:      valueOf(d.Content),
			Reasoning: cmp.Or(valueOf(d.ReasoningContent), valueOf(d.Reasoning)), // some servers send both
			Refusal:   valueOf(d.Refusal),
			Calls:     d.ToolCalls,
			Finish:    valueOf(choice.FinishReason),
		}
		var logprobs Logprobs
		if len(choice.Logprobs) > 0 && json.Unmarshal(choice.Logprobs, &logprobs) == nil {
			delta.Logprobs = logprobs.Content
		}
		if delta.Text == "" && delta.Reasoning == "" && delta.Refusal == "" && len(delta.Calls) == 0 && delta.Finish == "" && len(delta.Logprobs) == 0 {
			continue
		}
		if !c.emitted {
			delta.Fingerprint, c.emitted = valueOf(chunk.SystemFingerprint), true
		}
		into = append(into, delta)
	}
	if hasContent(chunk.Usage) && c.Whole() { // before, it is a count so far
		usage := usageOf(chunk.Usage)
		into = append(into, Delta{Usage: &usage})
	}
	return into, nil
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
