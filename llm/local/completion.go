package local

import (
	"context"
	"crypto/rand"
	"time"

	"penstock/dialect"
	"penstock/engine"
)

type completionChunk = dialect.Completion

// decodeCompletion reads the body of POST /v1/completions.
func (m *Model) decodeCompletion(in engine.Input) (request, error) {
	c, err := dialect.ParseCompletionRequest(in.Body)
	if err != nil {
		return decoded(request{}, err)
	}
	r, err := m.completionRequest(c)
	return decoded(r, err)
}

func (m *Model) completionRequest(c *dialect.CompletionRequest) (r request, err error) {
	switch {
	case c.N != nil && *c.N > 1:
		return r, unsupportedValue("n", "Unsupported value: 'n' must be 1 with this model; send several requests instead.")
	case c.BestOf != nil && *c.BestOf > 1:
		return r, unsupportedValue("best_of", "Unsupported value: 'best_of' must be 1 with this model.")
	case c.Echo != nil && *c.Echo:
		return r, dialect.Unsupported("echo", "")
	case c.Suffix != nil && *c.Suffix != "":
		return r, dialect.Unsupported("suffix", "")
	case len(c.Prompt.Texts)+len(c.Prompt.Tokens) > 1:
		return r, unsupportedValue("prompt", "Unsupported value: 'prompt' must be one prompt with this model; send several requests instead.")
	}
	r = request{param: "prompt", usage: c.StreamOptions != nil && c.StreamOptions.IncludeUsage}
	if len(c.Prompt.Texts) > 0 {
		r.text = &c.Prompt.Texts[0]
	} else {
		r.tokens = make([]int64, len(c.Prompt.Tokens[0]))
		for i, id := range c.Prompt.Tokens[0] {
			if id < 0 || id >= m.graph.vocab {
				return r, dialect.InvalidValue("prompt", "it holds a number that is none of this model's token ids.")
			}
			r.tokens[i] = int64(id)
		}
	}
	w := wishes{
		temperature: c.Temperature, topP: c.TopP, frequencyPenalty: c.FrequencyPenalty, presencePenalty: c.PresencePenalty,
		maxTokens: c.MaxTokens, seed: c.Seed, stop: c.Stop, logitBias: c.LogitBias, logprobs: first(-1, c.Logprobs), Extensions: c.Extensions,
	}
	r.settings, err = m.settings(w)
	return r, err
}

// generateCompletion answers in the chunks of a text completion.
func (m *Model) generateCompletion(ctx context.Context, j job, emit func(...completionChunk) error) (engine.End, error) {
	chunk := completionChunk{
		ID: "cmpl-" + rand.Text(), Object: dialect.ObjectCompletion, Created: time.Now().Unix(),
		Model: m.options.Name, SystemFingerprint: m.fingerprint,
	}
	send := func(c dialect.CompletionChoice) error {
		chunk.Choices = []dialect.CompletionChoice{c}
		return emit(chunk)
	}
	end, err := m.generate(ctx, j, func(p piece) error {
		return send(dialect.CompletionChoice{Text: p.text, Logprobs: m.completionLogprobs(p.tokens)})
	})
	if err != nil {
		return engine.End{}, err
	}
	reason := end.Reason()
	if err := send(dialect.CompletionChoice{FinishReason: &reason}); err != nil {
		return engine.End{}, err
	}
	if j.usage {
		chunk.Choices, chunk.Usage = []dialect.CompletionChoice{}, usageOf(end)
		err = emit(chunk)
	}
	return end, err
}

// completionLogprobs is nil where likelihoods were not asked for.
func (m *Model) completionLogprobs(tokens []chosenToken) *dialect.CompletionLogprobs {
	if len(tokens) == 0 {
		return nil
	}
	l := new(dialect.CompletionLogprobs)
	for _, t := range tokens {
		text, _ := m.tokenText(t.id)
		top := map[string]float64{}
		for _, rival := range t.top {
			name, _ := m.tokenText(rival.id)
			if _, taken := top[name]; !taken { // parts of characters can look alike
				top[name] = rival.logprob
			}
		}
		l.Tokens = append(l.Tokens, text)
		l.TokenLogprobs = append(l.TokenLogprobs, &t.logprob)
		l.TopLogprobs = append(l.TopLogprobs, top)
		l.TextOffset = append(l.TextOffset, t.offset)
	}
	return l
}
