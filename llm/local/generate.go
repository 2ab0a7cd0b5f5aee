package local

import (
	"context"
	"fmt"
	"math"

	"penstock/dialect"
	"penstock/engine"
)

// generate emits a completion: the text, the reason why it ended, and the usage. Until the prompt
// has been read it emits nothing: clients measure the time to the first token by what comes first.
func (m *Model) generate(ctx context.Context, j job, emit func(...dialect.Delta) error) (engine.End, error) {
	fingerprint := m.fingerprint // on the first delta
	end, err := m.complete(ctx, j, func(s segment) error {
		d := dialect.Delta{Text: s.text, Logprobs: m.logprobs(s.tokens), Fingerprint: fingerprint}
		fingerprint = ""
		return emit(d)
	})
	if err != nil {
		return end, err
	}
	u := end.Usage()
	usage := dialect.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens}
	return end, emit(dialect.Delta{Finish: end.Reason(), Fingerprint: fingerprint}, dialect.Delta{Usage: &usage})
}

// complete runs the model on the prompt, and then on each token it chose, until it chooses one that
// ends the completion, the text contains a stop string, or there is no room for more. The first two
// do not happen within the request's min_tokens, nor the first with ignore_eos, as in vLLM. Beside
// an error it returns what has been used up.
func (m *Model) complete(ctx context.Context, j job, emit func(segment) error) (engine.End, error) {
	room := min(j.maxTokens, m.context-len(j.prompt))
	c := newSequence(m.graph, len(j.prompt)+room)
	defer c.close()
	usage := engine.Usage{PromptTokens: len(j.prompt)}
	logits, err := c.read(ctx, j.prompt)
	if err != nil {
		return engine.Unfinished(engine.Usage{PromptTokens: c.length}), fmt.Errorf("read the prompt: %w", err)
	}
	var (
		sampler = newSampler(j.sampling, j.prompt, m.graph.vocab)
		text    = newTextBuilder(m.tokenizer, j.stops, j.minTokens)
		likely  distribution
		next    [1]int64
	)
	for {
		if j.logprobs != nil {
			likely.read(logits)
		}
		if usage.CompletionTokens < j.minTokens {
			m.suppressEnds(logits)
		}
		if next[0], err = sampler.choose(logits); err != nil {
			return engine.Unfinished(usage), err
		}
		usage.CompletionTokens++
		if m.stops[next[0]] && !j.ignoreEOS {
			return engine.Stopped(usage), emitText(emit, text.finish())
		}
		if j.logprobs != nil {
			text.expect(likely.of(next[0]), likely.top(*j.logprobs))
		}
		s, stopped := text.add(next[0])
		full := usage.CompletionTokens == room
		if full && !stopped {
			rest := text.finish()
			s.text, s.tokens = s.text+rest.text, append(s.tokens, rest.tokens...)
		}
		if err := emitText(emit, s); err != nil {
			return engine.Unfinished(usage), err
		}
		switch {
		case stopped:
			return engine.Stopped(usage), nil
		case full:
			return engine.LengthReached(usage), nil
		}
		if logits, err = c.feed(ctx, next[:]); err != nil {
			return engine.Unfinished(usage), err
		}
	}
}

// suppressEnds makes it impossible that a token is chosen that ends a completion.
func (m *Model) suppressEnds(logits []float32) {
	for id := range m.stops {
		if id < int64(len(logits)) {
			logits[id] = float32(math.Inf(-1))
		}
	}
}

// emitText emits a segment unless it is empty.
func emitText(emit func(segment) error, s segment) error {
	if s.empty() {
		return nil
	}
	return emit(s)
}
