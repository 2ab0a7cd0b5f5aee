package dialect

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"penstock/sse"
)

// NewCompletions returns the codec of POST /v1/completions.
func NewCompletions() Codec { return completionCodec{openAI{Completions}} }

type completionCodec struct{ openAI }

// Decode implements Codec.
func (completionCodec) Decode(in Input) (*Request, error) {
	return decodeOpenAI(Completions, in, func(body []byte) (*Parameters, error) {
		c, err := ParseCompletionRequest(body)
		if err != nil {
			return nil, err
		}
		return c.parameters(unused[CompletionRequest](body)), nil
	})
}

// parameters returns the request in the terms of all dialects.
func (c *CompletionRequest) parameters(unused []string, other []OtherParameter) *Parameters {
	p := &Parameters{
		Unused: unused, Other: other,
		Prompt: &c.Prompt, MaxTokens: c.MaxTokens, Temperature: c.Temperature, TopP: c.TopP,
		FrequencyPenalty: c.FrequencyPenalty, PresencePenalty: c.PresencePenalty, LogitBias: c.LogitBias,
		Seed: cmp.Or(c.Seed, c.RandomSeed), Stop: c.Stop, Logprobs: c.Logprobs, N: 1, Extensions: c.Extensions, User: c.User,
		Names: ParameterNames{Input: "prompt", MaxTokens: "max_tokens", Logprobs: "logprobs", Format: "response_format.type"},
	}
	if c.N != nil {
		p.N = *c.N
	}
	if c.BestOf != nil && *c.BestOf > 1 {
		value, _ := json.Marshal(*c.BestOf) // an integer always encodes
		p.Other = append(p.Other, OtherParameter{"best_of", value})
	}
	if c.Echo != nil && *c.Echo {
		p.Other = append(p.Other, OtherParameter{"echo", json.RawMessage("true")})
	}
	if c.Suffix != nil && *c.Suffix != "" {
		value, _ := json.Marshal(*c.Suffix) // a string always encodes
		p.Other = append(p.Other, OtherParameter{"suffix", value})
	}
	return p
}

// Stream implements Codec.
func (completionCodec) Stream(r *Request) Encoder {
	return &completionEncoder{newChunkEncoder(r, Completions, "cmpl-")}
}

type completionEncoder struct{ chunkEncoder }

// Encode implements Encoder.
func (e *completionEncoder) Encode(into []sse.Event, deltas []Delta) (_ []sse.Event, err error) {
	for i := range deltas {
		d := &deltas[i]
		if d.Dialect == Completions {
			into = append(append(into, d.Event), d.More...)
			continue
		}
		e.fingerprint = orElse(d.Fingerprint, e.fingerprint)
		for _, c := range completionChoices(d) {
			if into, err = appendJSON(into, e.chunk([]CompletionChoice{c}, nil)); err != nil {
				return nil, err
			}
		}
		if d.Usage != nil && e.usage {
			if into, err = appendJSON(into, e.chunk([]CompletionChoice{}, d.Usage)); err != nil {
				return nil, err
			}
		}
	}
	return into, nil
}

func (e *completionEncoder) chunk(choices []CompletionChoice, u *Usage) Completion {
	return Completion{
		ID: e.id, Object: ObjectCompletion, Created: e.created, Model: e.model,
		Choices: choices, Usage: u, SystemFingerprint: e.fingerprint,
	}
}

// completionChoices returns what a delta adds to its choice: its text, and, in a chunk of its own,
// the reason why it ended.
func completionChoices(d *Delta) (all []CompletionChoice) {
	if d.Text != "" || len(d.Logprobs) > 0 {
		all = append(all, CompletionChoice{Index: d.Choice, Text: d.Text, Logprobs: completionLogprobs(d.Logprobs)})
	}
	if d.Finish != "" {
		all = append(all, CompletionChoice{Index: d.Choice, FinishReason: &d.Finish})
	}
	return all
}

// completionLogprobs returns log probabilities in the form of text completions, nil if there are
// none.
func completionLogprobs(tokens []TokenLogprob) *CompletionLogprobs {
	if len(tokens) == 0 {
		return nil
	}
	l := new(CompletionLogprobs)
	for _, t := range tokens {
		top := map[string]float64{}
		for _, other := range t.TopLogprobs {
			if _, taken := top[other.Token]; !taken { // parts of characters can look alike
				top[other.Token] = other.Logprob
			}
		}
		l.Tokens = append(l.Tokens, t.Token)
		l.TokenLogprobs = append(l.TokenLogprobs, &t.Logprob)
		l.TopLogprobs = append(l.TopLogprobs, top)
		l.TextOffset = append(l.TextOffset, t.Offset)
	}
	return l
}

// Whole implements Codec.
func (completionCodec) Whole(r *Request) Gatherer {
	e := newChunkEncoder(r, Completions, "cmpl-")
	return &completionGatherer{
		whole:   Completion{ID: e.id, Object: ObjectCompletion, Created: e.created, Model: e.model, Choices: []CompletionChoice{}},
		choices: map[int]*completionGathering{},
	}
}

type completionGatherer struct {
	whole   Completion
	choices map[int]*completionGathering
}

// completionGathering is one choice as far as it has been generated.
type completionGathering struct {
	text strings.Builder
	CompletionChoice
}

// Add implements Gatherer.
func (g *completionGatherer) Add(deltas ...Delta) error {
	for i := range deltas {
		d := &deltas[i]
		g.whole.SystemFingerprint = orElse(d.Fingerprint, g.whole.SystemFingerprint)
		choices := completionChoices(d)
		if d.Usage != nil {
			g.whole.Usage = d.Usage
		}
		if len(choices) == 0 {
			continue
		}
		c := g.choices[d.Choice]
		if c == nil {
			c = &completionGathering{CompletionChoice: CompletionChoice{Index: d.Choice}}
			g.choices[d.Choice] = c
		}
		for _, more := range choices {
			c.add(more)
		}
	}
	return nil
}

func (c *completionGathering) add(more CompletionChoice) {
	c.text.WriteString(more.Text)
	if more.FinishReason != nil {
		c.FinishReason = more.FinishReason
	}
	l := more.Logprobs
	if l == nil {
		return
	}
	if c.Logprobs == nil {
		c.Logprobs = new(CompletionLogprobs)
	}
	c.Logprobs.Tokens = append(c.Logprobs.Tokens, l.Tokens...)
	c.Logprobs.TokenLogprobs = append(c.Logprobs.TokenLogprobs, l.TokenLogprobs...)
	c.Logprobs.TopLogprobs = append(c.Logprobs.TopLogprobs, l.TopLogprobs...)
	c.Logprobs.TextOffset = append(c.Logprobs.TextOffset, l.TextOffset...)
}

// Whole implements Gatherer.
func (g *completionGatherer) Whole(end End) ([]byte, error) {
	for _, index := range sortedKeys(g.choices) {
		c := g.choices[index]
		c.Text = c.text.String()
		g.whole.Choices = append(g.whole.Choices, c.CompletionChoice)
	}
	g.whole.Usage = usageOr(g.whole.Usage, end)
	return marshalPlain(g.whole)
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
