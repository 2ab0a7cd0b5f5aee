package main

import (
	"context"
	"fmt"
	"penstock/apierr"
	"penstock/app"
	"penstock/engine"
	"strings"
	"time"
)

// echoOptions are the keys of a model of kind echo.
type echoOptions struct {
	Pause time.Duration `yaml:"pause" default:"0s" min:"0s" max:"1m"` // after each word
}

// Summary is what penstock check prints after the model's name.
func (o echoOptions) Summary() string { return fmt.Sprintf("a word every %v", o.Pause) }

// addEcho adds a model that streams the words of its input.
func addEcho(env app.Env, name string, o echoOptions) error {
	m := env.Engine.Add(name, engine.Lifecycle{Kind: "echo"})
	engine.Generates(m, "stream", engine.Generator[text, []string, text]{
		Preprocess: func(_ context.Context, in text) ([]string, error) {
			words := strings.SplitAfter(in.Text, " ")
			if in.Text == "" {
				return nil, apierr.InvalidInput("missing_field", "\"text\" is missing: there is nothing to repeat")
			}
			return words, nil
		},
		Generate: func(ctx context.Context, words []string, emit func(...text) error) (engine.End, error) {
			for _, word := range words {
				if err := emit(text{word}); err != nil {
					return engine.End{}, err
				}
				select {
				case <-time.After(o.Pause):
				case <-ctx.Done():
					return engine.End{}, context.Cause(ctx)
				}
			}
			return engine.Stopped(engine.Usage{CompletionTokens: len(words)}), nil
		},
	})
	return nil
}
