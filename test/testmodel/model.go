package testmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/sse"
)

// Name is the model's name. It streams on the native routes and as a chat, which takes the Task as
// the content of its one message.
const Name = "testmodel"

// Task is the model's input: JSON, or a query with the same names.
type Task struct {
	Words int    `json:"words"`           // how many
	Pause string `json:"pause,omitempty"` // before each; "5ms"
	Pad   int    `json:"pad,omitempty"`   // extra bytes in each
	End   string `json:"end,omitempty"`   // "": done; "fail"; "panic"; "hold": none until the stream is canceled
}

// JSON returns the task as a request's input.
func (t Task) JSON() string {
	b, _ := json.Marshal(t) // always encodes
	return string(b)
}

// Query returns the task as a query.
func (t Task) Query() string {
	return url.Values{
		"words": {strconv.Itoa(t.Words)}, "pause": {t.Pause}, "pad": {strconv.Itoa(t.Pad)}, "end": {t.End},
	}.Encode()
}

// Text returns the whole text.
func (t Task) Text() string {
	var b strings.Builder
	for n := range t.Words {
		b.WriteString(t.Word(n))
	}
	return b.String()
}

// suffixes follow each word's number: text of several bytes, and text that has a meaning in
// Server-Sent Events or in JSON.
var suffixes = [...]string{
	" ", "é ", "日本 ", "🙂 ", "\n", "\r\n", "\n\ndata: x\n\n", `\"},{`, "\u2028", ": \t", "\x00",
}

// Word returns the n-th word, counted from 0.
func (t Task) Word(n int) string {
	return strconv.Itoa(n) + strings.Repeat(".", t.Pad) + suffixes[n%len(suffixes)]
}

// register adds the model to an engine.
func register(e *engine.Engine) {
	m := e.Add(Name, engine.Lifecycle{Kind: "test"})
	g := engine.Generator[Task, preparedTask, string]{
		Decode:     decode,
		Preprocess: prepare,
		Generate:   generate,
		Encode:     encodeStream,
	}
	engine.Generates(m, "stream", g)
	engine.Generates(m, "generate", engine.Generator[*dialect.Request, preparedTask, dialect.Delta]{
		Preprocess: func(ctx context.Context, r *dialect.Request) (preparedTask, error) {
			p, err := r.Parameters()
			if err != nil {
				return preparedTask{}, err
			}
			t, err := decodeJSON([]byte(p.Messages[0].Content.String()))
			if err != nil {
				return preparedTask{}, err
			}
			return prepare(ctx, t)
		},
		Generate: inChat(g.Generate),
	})
}

func encodeStream(word string) (sse.Event, error) {
	b, err := json.Marshal(map[string]string{"text": word})
	return sse.Event{Data: b}, err
}

// generateFunc is the Generate of an engine.Generator.
type generateFunc[Feed, Chunk any] = func(ctx context.Context, feed Feed, emit func(...Chunk) error) (engine.End, error)

// inChat makes a language model of what generates words: chunks of a chat as a server sends them,
// with their text.
func inChat[Feed any](generate generateFunc[Feed, string]) generateFunc[Feed, dialect.Delta] {
	return func(ctx context.Context, feed Feed, emit func(...dialect.Delta) error) (engine.End, error) {
		return generate(ctx, feed, func(words ...string) error {
			deltas := make([]dialect.Delta, len(words))
			for i, word := range words {
				choice := map[string]any{"index": 0, "delta": map[string]string{"content": word}}
				data, err := json.Marshal(map[string]any{"object": "chat.completion.chunk", "choices": []any{choice}})
				if err != nil {
					return err
				}
				deltas[i] = dialect.Delta{Text: word, Dialect: dialect.Chat, Event: sse.Event{Data: data}}
			}
			return emit(deltas...)
		})
	}
}

func decode(in engine.Input) (t Task, err error) {
	if in.Body != nil {
		return decodeJSON(in.Body)
	}
	words, err := strconv.Atoi(first(in, "words"))
	if err != nil {
		return t, apierr.InvalidInput("", "words must be a number")
	}
	pad, _ := strconv.Atoi(first(in, "pad"))
	return Task{Words: words, Pad: pad, Pause: first(in, "pause"), End: first(in, "end")}, nil
}

// first returns the first value of a parameter.
func first(in engine.Input, name string) string { return url.Values(in.Parameters).Get(name) }

func decodeJSON(body []byte) (t Task, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return t, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "the task is not valid JSON", Cause: err}
	}
	return t, nil
}

// preparedTask is a task whose pause has been parsed.
type preparedTask struct {
	Task
	pause time.Duration
}

func prepare(_ context.Context, t Task) (preparedTask, error) {
	p := preparedTask{Task: t}
	if t.Pause != "" {
		var err error
		if p.pause, err = time.ParseDuration(t.Pause); err != nil {
			return p, apierr.InvalidInput("", "pause must be a duration")
		}
	}
	return p, nil
}

func generate(ctx context.Context, t preparedTask, emit func(...string) error) (engine.End, error) {
	timer := time.NewTimer(t.pause)
	defer timer.Stop()
	for n := range t.Words {
		if t.pause > 0 {
			timer.Reset(t.pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return engine.End{}, context.Cause(ctx)
			}
		}
		if err := emit(t.Word(n)); err != nil {
			return engine.End{}, err
		}
	}
	switch t.End {
	case "fail":
		return engine.End{}, fmt.Errorf("a failure that the task requested")
	case "panic":
		panic("a panic that the task requested")
	case "hold":
		<-ctx.Done()
		return engine.End{}, context.Cause(ctx)
	default:
		return engine.Stopped(engine.Usage{CompletionTokens: t.Words}), nil
	}
}
