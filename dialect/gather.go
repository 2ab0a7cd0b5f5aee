package dialect

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// GatherChat joins the chunks of a streamed chat answer, each the JSON of a ChatChunk,
// into the whole answer: choices and tool calls by their index, texts, arguments and
// log probabilities in the order they came, usage from the chunk that has it. A chunk
// that is an error object ends it with that *Error. Whether the answer is complete is
// for the caller to know.
func GatherChat(chunks iter.Seq[[]byte]) (ChatCompletion, error) {
	whole := ChatCompletion{Object: ObjectChat, Choices: []ChatChoice{}}
	gathering := map[int]*chatGathering{}
	for data := range chunks {
		var chunk ChatChunk
		if err := readChunk(data, &chunk); err != nil {
			return whole, err
		}
		whole.ID, whole.Created, whole.Model = chunk.ID, chunk.Created, chunk.Model
		whole.ServiceTier = orElse(chunk.ServiceTier, whole.ServiceTier)
		whole.SystemFingerprint = orElse(chunk.SystemFingerprint, whole.SystemFingerprint)
		if chunk.Usage != nil {
			whole.Usage = chunk.Usage
		}
		for _, choice := range chunk.Choices {
			g := gathering[choice.Index]
			if g == nil {
				g = &chatGathering{role: "assistant"}
				gathering[choice.Index] = g
			}
			g.add(choice)
		}
	}
	for index, g := range gathering {
		whole.Choices = append(whole.Choices, g.choice(index))
	}
	slices.SortFunc(whole.Choices, func(a, b ChatChoice) int { return a.Index - b.Index })
	return whole, nil
}

// chatGathering is one choice as far as it has come.
type chatGathering struct {
	role             string
	content, refusal strings.Builder
	refused          bool
	calls            []*callGathering // in the order they began
	function         *FunctionCall
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
	g.role = orElse(d.Role, g.role)
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
	if f := d.FunctionCall; f != nil {
		if g.function == nil {
			g.function = new(FunctionCall)
		}
		g.function.Name += f.Name
		g.function.Arguments += f.Arguments
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
		g.calls = append(g.calls, &callGathering{index: t.Index, kind: "function"})
	}
	c := g.calls[i]
	c.id, c.kind = orElse(t.ID, c.id), orElse(t.Type, c.kind)
	if t.Function != nil {
		c.name += t.Function.Name
		c.argumentsText.WriteString(t.Function.Arguments)
	}
}

func (g *chatGathering) choice(index int) ChatChoice {
	m := Message{Role: g.role, FunctionCall: g.function}
	for _, c := range g.calls {
		m.ToolCalls = append(m.ToolCalls, ToolCall{ID: c.id, Type: c.kind, Function: &FunctionCall{Name: c.name, Arguments: c.argumentsText.String()}})
	}
	if g.refused {
		refusal := g.refusal.String()
		m.Refusal = &refusal
	}
	// An answer that only calls or refuses has null for content, not "".
	if g.content.Len() > 0 || len(m.ToolCalls) == 0 && m.FunctionCall == nil && !g.refused {
		m.Content = Text(g.content.String())
	}
	return ChatChoice{Index: index, Message: m, Logprobs: g.logprobs, FinishReason: g.finish}
}

// GatherCompletion joins the chunks of a streamed text completion, each the JSON of a
// Completion, into the whole one, as GatherChat does.
func GatherCompletion(chunks iter.Seq[[]byte]) (Completion, error) {
	whole := Completion{Object: ObjectCompletion, Choices: []CompletionChoice{}}
	texts := map[int]*strings.Builder{}
	choices := map[int]*CompletionChoice{}
	for data := range chunks {
		var chunk Completion
		if err := readChunk(data, &chunk); err != nil {
			return whole, err
		}
		whole.ID, whole.Created, whole.Model = chunk.ID, chunk.Created, chunk.Model
		whole.SystemFingerprint = orElse(chunk.SystemFingerprint, whole.SystemFingerprint)
		if chunk.Usage != nil {
			whole.Usage = chunk.Usage
		}
		for _, c := range chunk.Choices {
			into := choices[c.Index]
			if into == nil {
				into = &CompletionChoice{Index: c.Index}
				choices[c.Index], texts[c.Index] = into, new(strings.Builder)
			}
			texts[c.Index].WriteString(c.Text)
			if c.FinishReason != nil {
				into.FinishReason = c.FinishReason
			}
			if l := c.Logprobs; l != nil {
				if into.Logprobs == nil {
					into.Logprobs = new(CompletionLogprobs)
				}
				into.Logprobs.Tokens = append(into.Logprobs.Tokens, l.Tokens...)
				into.Logprobs.TokenLogprobs = append(into.Logprobs.TokenLogprobs, l.TokenLogprobs...)
				into.Logprobs.TopLogprobs = append(into.Logprobs.TopLogprobs, l.TopLogprobs...)
				into.Logprobs.TextOffset = append(into.Logprobs.TextOffset, l.TextOffset...)
			}
		}
	}
	for index, c := range choices {
		c.Text = texts[index].String()
		whole.Choices = append(whole.Choices, *c)
	}
	slices.SortFunc(whole.Choices, func(a, b CompletionChoice) int { return a.Index - b.Index })
	return whole, nil
}

// readChunk decodes a chunk, or returns the error object that came in its place.
func readChunk[T any](data []byte, out *T) error {
	var failure struct {
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &failure); err != nil {
		return fmt.Errorf("read a chunk: %w", err)
	}
	if failure.Error != nil && string(failure.Error) != "null" {
		e := new(Error)
		if err := json.Unmarshal(data, e); err != nil {
			return fmt.Errorf("read a chunk's error: %w", err)
		}
		return e
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("read a chunk: %w", err)
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
