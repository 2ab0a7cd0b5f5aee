package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"penstock/engine"
)

// tokenCounters count the tokens of one model: all of them, and those that were estimated.
type tokenCounters struct {
	prompt, completion                   prometheus.Counter
	estimatedPrompt, estimatedCompletion prometheus.Counter
}

func (m *Metrics) tokensOf(model string) tokenCounters {
	return tokenCounters{
		prompt:              m.tokens.WithLabelValues(model, "prompt"),
		completion:          m.tokens.WithLabelValues(model, "completion"),
		estimatedPrompt:     m.estimated.WithLabelValues(model, "prompt"),
		estimatedCompletion: m.estimated.WithLabelValues(model, "completion"),
	}
}

func (t tokenCounters) add(u engine.Usage) {
	t.prompt.Add(float64(u.PromptTokens))
	t.completion.Add(float64(u.CompletionTokens))
	if u.Estimated {
		t.estimatedPrompt.Add(float64(u.PromptTokens))
		t.estimatedCompletion.Add(float64(u.CompletionTokens))
	}
}

// used counts what a request used that is no stream's.
func (m *Metrics) used(model string, u engine.Usage) { m.tokensOf(model).add(u) }
