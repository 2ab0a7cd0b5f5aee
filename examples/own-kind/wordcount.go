package main

import (
	"context"
	"penstock/app"
	"penstock/engine"
	"strings"
)

// wordCountOptions are the keys of a model of kind wordcount.
type wordCountOptions struct {
	MinLength int      `yaml:"min_length" default:"1" min:"1" max:"100"` // of the words that count
	Ignore    []string `yaml:"ignore" default:"[]" max:"100"`
}

// text is what both models take.
type text struct {
	Text string `json:"text"`
}

type count struct {
	Words int `json:"words"`
}

// addWordCount adds a model that gives a whole result. Only Predict runs under a permit of the
// gate.
func addWordCount(env app.Env, name string, o wordCountOptions) error {
	ignored := map[string]bool{}
	for _, word := range o.Ignore {
		ignored[word] = true
	}
	m := env.Engine.Add(name, engine.Lifecycle{Kind: "wordcount"})
	engine.Predicts(m, "predict", engine.Predictor[text, []string, int, count]{
		Preprocess: func(_ context.Context, in text) ([]string, error) { return strings.Fields(in.Text), nil },
		Predict: func(_ context.Context, words []string) (int, error) {
			n := 0
			for _, word := range words {
				if len(word) >= o.MinLength && !ignored[word] {
					n++
				}
			}
			return n, nil
		},
		Postprocess: func(_ context.Context, n int) (count, error) { return count{n}, nil },
	})
	return nil
}
