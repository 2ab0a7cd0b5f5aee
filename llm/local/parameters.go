package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"penstock/dialect"
)

// parameters configure how a completion is generated.
type parameters struct {
	sampling
	maxTokens int
	stops     []string
	logprobs  *int // the most likely tokens to report with each token; nil: no log probabilities

	ignoreEOS bool // tokens that end a completion do not
	minTokens int  // before which neither they nor stop strings do
}

// parameters returns a request's parameters. Those it leaves out come from generation_config.json
// or, where that has none either, are OpenAI's defaults.
func (m *Model) parameters(p *dialect.Parameters) (all parameters, err error) {
	d := m.defaults
	if d.DoSample != nil && !*d.DoSample {
		d.Temperature = new(float64)
	}
	all = parameters{
		sampling: sampling{
			temperature:       first(1, p.Temperature, d.Temperature),
			topP:              first(1, p.TopP, d.TopP),
			topK:              max(first(0, p.TopK, d.TopK), 0), // -1 means all tokens, too
			minP:              first(0, p.MinP, d.MinP),
			repetitionPenalty: first(1, p.RepetitionPenalty, d.RepetitionPenalty),
			frequencyPenalty:  first(0, p.FrequencyPenalty),
			presencePenalty:   first(0, p.PresencePenalty),
			seed:              rand.Uint64(),
		},
		maxTokens: first(m.context, p.MaxTokens, nonZero(m.options.MaxTokens)),
		stops:     p.Stop,
		logprobs:  p.Logprobs,
		ignoreEOS: first(false, p.IgnoreEOS),
		minTokens: first(0, p.MinTokens),
	}
	if p.Seed != nil {
		all.seed = uint64(*p.Seed)
	}
	if all.maxTokens < 1 {
		return all, dialect.InvalidValue(p.Names.MaxTokens, "it must be at least 1.")
	}
	if all.minTokens > all.maxTokens {
		return all, dialect.InvalidValue("min_tokens", fmt.Sprintf("it must be at most %d, the most tokens of this completion.", all.maxTokens))
	}
	all.bias, err = m.biases(p.LogitBias)
	return all, err
}

// biases reads logit_bias: token ids in decimal, each with what is added to its logit.
func (m *Model) biases(given map[string]float64) (all []bias, err error) {
	for name, value := range given {
		id, err := strconv.ParseInt(name, 10, 64)
		if err != nil || id < 0 || id >= int64(m.graph.vocab) {
			return nil, dialect.InvalidValue("logit_bias", fmt.Sprintf("%q is not one of this model's token ids, 0 to %d.", name, m.graph.vocab-1))
		}
		if value < -100 || value > 100 {
			return nil, dialect.InvalidValue("logit_bias", "each bias must be from -100 to 100.")
		}
		all = append(all, bias{id, float32(value)})
	}
	slices.SortFunc(all, func(a, b bias) int { return int(a.id - b.id) }) // in the map's order sums could differ
	return all, nil
}

// first returns the first value that is not nil, or else the default.
func first[T any](otherwise T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return otherwise
}

func nonZero(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
