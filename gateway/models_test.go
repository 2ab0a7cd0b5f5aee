package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

// words adds a language model "words" that repeats its prompt word by word, before each of them
// waiting for a step, if there is a channel of steps. A prompt's word FAIL or PANIC is done instead
// of repeated. As a relay does, it reads requests and has events of its own in one dialect, which
// is chat.
func words(steps <-chan struct{}) func(*engine.Engine) {
	return func(e *engine.Engine) {
		m := e.Add("words", engine.Lifecycle{Kind: "test"})
		engine.Generates(m, "generate", engine.Generator[*dialect.Request, []string, dialect.Delta]{
			Preprocess: func(_ context.Context, r *dialect.Request) ([]string, error) {
				prompt, err := promptOf(r)
				return strings.SplitAfter(prompt, " "), err
			},
			Generate: repeat(steps, func(word string) dialect.Delta {
				return dialect.Delta{Text: word, Dialect: dialect.Chat, Event: chatChunk(word)}
			}),
		})
	}
}

func promptOf(r *dialect.Request) (string, error) {
	if r.Dialect == dialect.Chat {
		var body struct{ Messages []struct{ Content string } }
		if err := json.Unmarshal(r.Body, &body); err != nil || len(body.Messages) == 0 {
			return "", apierr.InvalidInput("", "no messages")
		}
		return body.Messages[0].Content, nil
	}
	p, err := r.Parameters()
	if err != nil {
		return "", err
	}
	var prompt string
	switch {
	case p.Prompt != nil:
		prompt = strings.Join(p.Prompt.Texts, "")
	case len(p.Messages) > 0:
		prompt = p.Messages[len(p.Messages)-1].Content.String()
	}
	if prompt == "" {
		return "", apierr.InvalidInput("empty", "the prompt is empty")
	}
	return prompt, nil
}

func chatChunk(text string) sse.Event {
	return sse.Event{Data: []byte(`{"id":"c","object":"chat.completion.chunk","created":1,"model":"words","choices":[{"index":0,"delta":{"content":` + quote(text) + `},"finish_reason":null}]}`)}
}

// repeat returns the Generate of a model that emits each word as a chunk.
func repeat[Chunk any](steps <-chan struct{}, chunk func(word string) Chunk) func(context.Context, []string, func(...Chunk) error) (engine.End, error) {
	return func(ctx context.Context, words []string, emit func(...Chunk) error) (engine.End, error) {
		for i, w := range words {
			if steps != nil {
				select {
				case <-steps:
				case <-ctx.Done():
					return engine.Unfinished(engine.Usage{PromptTokens: 1, CompletionTokens: i}), context.Cause(ctx)
				}
			}
			switch strings.TrimSpace(w) {
			case "FAIL":
				return engine.End{}, &apierr.Error{Code: apierr.CodeUpstreamCut, Message: "cut", Cause: io.ErrUnexpectedEOF}
			case "PANIC":
				panic("on purpose")
			}
			if err := emit(chunk(w)); err != nil {
				return engine.End{}, err
			}
		}
		return engine.Stopped(engine.Usage{PromptTokens: 1, CompletionTokens: len(words)}), nil
	}
}

// count is what the model "counter" counts; with a word its chunks have a text.
type count struct {
	To   int    `json:"to"`
	Word string `json:"word"`
}

type counted struct {
	N    int    `json:"n"`
	Text string `json:"text,omitempty"`
}

// counter adds a generator "counter" that is no language model: its input and its chunks are its
// own, and it leaves their bytes to the engine.
func counter(e *engine.Engine) {
	m := e.Add("counter", engine.Lifecycle{Kind: "test"})
	engine.Generates(m, "stream", engine.Generator[count, count, counted]{
		Preprocess: func(_ context.Context, c count) (count, error) { return c, nil },
		Generate: func(_ context.Context, c count, emit func(...counted) error) (engine.End, error) {
			for n := range c.To {
				if err := emit(counted{n + 1, c.Word}); err != nil {
					return engine.End{}, err
				}
			}
			return engine.LengthReached(engine.Usage{}), nil
		},
	})
}

// doubler adds a predictor "org/doubler".
func doubler(predict func(context.Context, int) (int, error)) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Predicts(e.Add("org/doubler", engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[int, int, int, int]{
			Preprocess:  same[int],
			Predict:     predict,
			Postprocess: same[int],
		})
	}
}

// same is a step that does nothing.
func same[T any](_ context.Context, v T) (T, error) { return v, nil }
