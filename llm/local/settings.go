package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"penstock/dialect"
)

// settings say how an answer is generated.
type settings struct {
	sampling
	maxTokens int
	stops     []string
	logprobs  int // how many likeliest tokens to tell with each token; -1: not even its own likelihood
}

// wishes are what a request of any kind says about its answer: nil where it says nothing.
type wishes struct {
	temperature, topP                 *float64
	frequencyPenalty, presencePenalty *float64
	maxTokens                         *int
	seed                              *int64
	stop                              []string
	logitBias                         map[string]float64
	logprobs                          int
	dialect.Extensions                // top_k, min_p, repetition_penalty
}

// settings fills in what the wishes leave open: from generation_config.json, else as OpenAI does.
func (m *Model) settings(w wishes) (s settings, err error) {
	d := m.defaults
	if d.DoSample != nil && !*d.DoSample {
		d.Temperature = new(float64)
	}
	s = settings{
		sampling: sampling{
			temperature:       first(1, w.temperature, d.Temperature),
			topP:              first(1, w.topP, d.TopP),
			topK:              max(first(0, w.TopK, d.TopK), 0), // -1 is another way to say "all"
			minP:              first(0, w.MinP, d.MinP),
			repetitionPenalty: first(1, w.RepetitionPenalty, d.RepetitionPenalty),
			frequencyPenalty:  first(0, w.frequencyPenalty),
			presencePenalty:   first(0, w.presencePenalty),
			seed:              rand.Uint64(),
		},
		maxTokens: first(m.context, w.maxTokens, nonZero(m.options.MaxTokens)),
		stops:     w.stop,
		logprobs:  w.logprobs,
	}
	if w.seed != nil {
		s.seed = uint64(*w.seed)
	}
	if s.maxTokens < 1 {
		return s, dialect.InvalidValue("max_tokens", "it must be at least 1.")
	}
	s.bias, err = m.biases(w.logitBias)
	return s, err
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

// first returns the first value that is there.
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
