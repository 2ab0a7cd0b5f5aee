package dialect

import (
	"slices"
	"strings"
)

// chatGathering is one choice as far as it has been generated.
type chatGathering struct {
	content, refusal strings.Builder
	refused          bool
	calls            []*callGathering // in the order they began
	logprobs         *Logprobs
	finish           string
}

type callGathering struct {
	index         int
	id, kind      string
	name          string
	argumentsText strings.Builder
}

func (g *chatGathering) add(c ChunkChoice) {
	d := c.Delta
	if d.Content != nil {
		g.content.WriteString(*d.Content)
	}
	if d.Refusal != nil {
		g.refused = true
		g.refusal.WriteString(*d.Refusal)
	}
	for _, t := range d.ToolCalls {
		g.call(t)
	}
	if c.Logprobs != nil {
		if g.logprobs == nil {
			g.logprobs = new(Logprobs)
		}
		g.logprobs.Content = append(g.logprobs.Content, c.Logprobs.Content...)
		g.logprobs.Refusal = append(g.logprobs.Refusal, c.Logprobs.Refusal...)
	}
	if c.FinishReason != nil {
		g.finish = *c.FinishReason
	}
}

func (g *chatGathering) call(t ToolCallDelta) {
	i := slices.IndexFunc(g.calls, func(c *callGathering) bool { return c.index == t.Index })
	if i < 0 {
		i = len(g.calls)
		g.calls = append(g.calls, &callGathering{index: t.Index})
	}
	c := g.calls[i]
	c.id, c.kind = orElse(c.id, t.ID), orElse(c.kind, t.Type) // servers may repeat them, and the name
	if t.Function != nil {
		c.name = orElse(c.name, t.Function.Name)
		c.argumentsText.WriteString(t.Function.Arguments)
	}
}

func (g *chatGathering) choice(index int) ChatChoice {
	m := Message{Role: "assistant"}
	for _, c := range g.calls {
		m.ToolCalls = append(m.ToolCalls, ToolCall{ID: c.id, Type: orElse(c.kind, "function"), Function: &FunctionCall{Name: c.name, Arguments: c.argumentsText.String()}})
	}
	if g.refused {
		refusal := g.refusal.String()
		m.Refusal = &refusal
	}
	// A message that only calls or refuses has null for content, not "".
	if g.content.Len() > 0 || len(m.ToolCalls) == 0 && !g.refused {
		m.Content = Text(g.content.String())
	}
	return ChatChoice{Index: index, Message: m, Logprobs: g.logprobs, FinishReason: g.finish}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
