package dialect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"penstock/strictjson"
)

// maxCalls bounds how many tool calls a choice may have.
const maxCalls = 1024

// serverChunk is a chunk of /v1/chat/completions as servers send it: with reasoning, by either of
// its names, and with values that are read on their own, as a server may get them wrong.
type serverChunk struct {
	Choices           []serverChoice  `json:"choices"`
	Usage             json.RawMessage `json:"usage"`
	SystemFingerprint *string         `json:"system_fingerprint"`
}

type serverChoice struct {
	Index        int             `json:"index"`
	Delta        serverDelta     `json:"delta"`
	Logprobs     json.RawMessage `json:"logprobs"`
	FinishReason *string         `json:"finish_reason"`
}

type serverDelta struct {
	Content          *string      `json:"content"`
	Reasoning        *string      `json:"reasoning"`         // OpenRouter, vLLM
	ReasoningContent *string      `json:"reasoning_content"` // DeepSeek, llama.cpp
	Refusal          *string      `json:"refusal"`
	ToolCalls        []serverCall `json:"tool_calls"`
}

type serverCall struct {
	Index    *int          `json:"index"`
	ID       string        `json:"id"`
	Type     string        `json:"type"`
	Function *FunctionCall `json:"function"`
}

// heldEnd is what typed deltas have only once the response is complete: a finish_reason, and a
// usage, may come with every chunk. It is also what is known of choices for that.
type heldEnd struct {
	emitted     bool // a delta has been appended
	fingerprint string
	finishes    []string   // the last of each choice
	calls       [][]string // the ids of the tool calls of each choice that have no index
}

// finish notes the finish_reason of a choice.
func (h *heldEnd) finish(choice int, reason string) {
	for len(h.finishes) <= choice {
		h.finishes = append(h.finishes, "")
	}
	h.finishes[choice] = reason
}

// stamp adds the fingerprint to the first delta.
func (h *heldEnd) stamp(d *Delta) {
	if !h.emitted {
		d.Fingerprint, h.emitted = h.fingerprint, true
	}
}

// callIndex returns the index of a tool call that has none: an id that is new begins a call, and
// what has no id belongs to the last one.
func (h *heldEnd) callIndex(choice int, id string) int {
	for len(h.calls) <= choice {
		h.calls = append(h.calls, nil)
	}
	known := h.calls[choice]
	if id != "" || len(known) == 0 {
		for i, k := range known {
			if k == id {
				return i
			}
		}
		h.calls[choice] = append(known, id)
	}
	return len(h.calls[choice]) - 1
}

// largeChunk is the size from which a chunk's values are counted before they are decoded: many tiny
// ones take a multiple of their size.
const largeChunk = 64 << 10

// typedDeltas appends the deltas of a chunk: one for each choice in which it has values.
func (c *chunkReader) typedDeltas(into []Delta, data []byte) ([]Delta, error) {
	if len(data) > largeChunk && strictjson.Count(data, true) != nil {
		return into, errors.New("read a chunk: it has too many values for its size")
	}
	var chunk serverChunk
	if err := json.Unmarshal(data, &chunk); err != nil || len(chunk.Choices) > 1 {
		if chunk, err = looseChunk(data); err != nil {
			return into, fmt.Errorf("read a chunk: %w", err)
		}
	}
	c.held.fingerprint = cmp.Or(c.held.fingerprint, valueOf(chunk.SystemFingerprint))
	for _, choice := range chunk.Choices {
		d := choice.Delta
		if choice.Index < 0 || choice.Index >= maxChoices { // each takes memory where choices are gathered
			return into, fmt.Errorf("read a chunk: a choice with the index %d", choice.Index)
		}
		if reason := valueOf(choice.FinishReason); reason != "" && reason != "null" {
			c.held.finish(choice.Index, reason)
		}
		delta := Delta{
			Choice:    choice.Index,
			Text:      valueOf(d.Content),
			Reasoning: cmp.Or(valueOf(d.ReasoningContent), valueOf(d.Reasoning)), // some servers send both
			Refusal:   valueOf(d.Refusal),
		}
		for _, call := range d.ToolCalls {
			t := ToolCallDelta{ID: call.ID, Type: call.Type, Function: call.Function}
			if call.Index != nil {
				t.Index = *call.Index
			} else {
				t.Index = c.held.callIndex(choice.Index, call.ID)
			}
			if t.Index < 0 || t.Index >= maxCalls {
				return into, fmt.Errorf("read a chunk: a tool call with the index %d", t.Index)
			}
			delta.Calls = append(delta.Calls, t)
		}
		var logprobs Logprobs
		if len(choice.Logprobs) > 0 && json.Unmarshal(choice.Logprobs, &logprobs) == nil {
			delta.Logprobs = logprobs.Content
		}
		if delta.Text == "" && delta.Reasoning == "" && delta.Refusal == "" && len(delta.Calls) == 0 && len(delta.Logprobs) == 0 {
			continue
		}
		c.held.stamp(&delta)
		into = append(into, delta)
	}
	return into, nil
}

// Rest implements Reader: the finish_reason of each choice, and the usage, which count only now.
func (c *chunkReader) Rest(into []Delta) []Delta {
	if !c.typed {
		return into
	}
	for choice, reason := range c.held.finishes {
		if reason != "" {
			d := Delta{Choice: choice, Finish: reason}
			c.held.stamp(&d)
			into = append(into, d)
		}
	}
	if hasContent(c.usage) {
		usage := usageOf(c.usage)
		into = append(into, Delta{Usage: &usage})
	}
	return into
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
