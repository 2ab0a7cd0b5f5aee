package local

import (
	"context"
	"fmt"

	"penstock/engine"
)

// generate answers a job: it reads the prompt, then feeds the model its own tokens until it ends the answer, a stop
// string does, or there is no room for more.
func (m *Model) generate(ctx context.Context, j job, emit func(piece) error) (engine.End, error) {
	room := min(j.maxTokens, m.context-len(j.prompt))
	c := newConversation(m.graph, len(j.prompt)+room)
	defer c.close()
	logits, err := c.read(ctx, j.prompt)
	if err != nil {
		return engine.End{}, fmt.Errorf("read the prompt: %w", err)
	}
	var (
		sampler = newSampler(j.sampling, j.prompt, m.graph.vocab)
		answer  = newAnswer(m.tokenizer, j.stops)
		likely  likelihoods
		next    [1]int64
		usage   = engine.Usage{PromptTokens: len(j.prompt)}
	)
	for {
		if j.logprobs >= 0 {
			likely.read(logits)
		}
		if next[0], err = sampler.choose(logits); err != nil {
			return engine.End{}, err
		}
		usage.CompletionTokens++
		if m.stops[next[0]] {
			return engine.Stopped(usage), show(emit, answer.finish())
		}
		if j.logprobs >= 0 {
			answer.expect(likely.of(next[0]), likely.top(j.logprobs))
		}
		p, stopped := answer.add(next[0])
		full := usage.CompletionTokens == room
		if full && !stopped {
			rest := answer.finish()
			p.text, p.tokens = p.text+rest.text, append(p.tokens, rest.tokens...)
		}
		if err := show(emit, p); err != nil {
			return engine.End{}, err
		}
		switch {
		case stopped:
			return engine.Stopped(usage), nil
		case full:
			return engine.LengthReached(usage), nil
		}
		if logits, err = c.feed(ctx, next[:]); err != nil {
			return engine.End{}, err
		}
	}
}

// show emits a piece that has anything in it.
func show(emit func(piece) error, p piece) error {
	if p.empty() {
		return nil
	}
	return emit(p)
}
