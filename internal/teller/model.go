package teller

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/engine"
)

// Model is the model's name. Its verbs are stream and chat; chat takes the Task as the content of its one message.
const Model = "teller"

// Task is the model's input: JSON, or a query with the same names.
type Task struct {
	Words int    `json:"words"`           // how many
	Pause string `json:"pause,omitempty"` // before each; "5ms"
	Pad   int    `json:"pad,omitempty"`   // bytes more in each
	End   string `json:"end,omitempty"`   // "": done; "fail"; "panic"; "hold": none until the stream is cancelled
}

// JSON returns the task as a request's input.
func (t Task) JSON() string {
	b, _ := json.Marshal(t) // always encodes
	return string(b)
}

// Query returns the task as a query.
func (t Task) Query() string {
	return url.Values{"words": {strconv.Itoa(t.Words)}, "pause": {t.Pause}, "pad": {strconv.Itoa(t.Pad)}, "end": {t.End}}.Encode()
}

// Text returns all that is told.
func (t Task) Text() string {
	var b strings.Builder
	for n := range t.Words {
		b.WriteString(t.Word(n))
	}
	return b.String()
}

// spices follow each word's number: text of several bytes, and what has a meaning in Server-Sent Events, or in JSON.
var spices = [...]string{" ", "é ", "日本 ", "🙂 ", "\n", "\r\n", "\n\ndata: x\n\n", `\"},{`, "\u2028", ": \t", "\x00"}

// Word returns the n-th word, counted from 0.
func (t Task) Word(n int) string {
	return strconv.Itoa(n) + strings.Repeat(".", t.Pad) + spices[n%len(spices)]
}

// add adds the model.
func add(e *engine.Engine) {
	m := e.Add(Model, engine.Lifecycle{Kind: "teller"})
	g := engine.Generator[Task, work, string]{
		Decode:     decode,
		Preprocess: prepare,
		Generate:   tell,
		Encode:     func(word string) (engine.Encoded, error) { return encode(map[string]string{"text": word}) },
	}
	engine.Generates(m, "stream", g)
	g.Decode = decodeChat
	g.Encode = func(word string) (engine.Encoded, error) {
		return encode(map[string]any{"object": "chat.completion.chunk", "choices": []any{map[string]any{"index": 0, "delta": map[string]string{"content": word}}}})
	}
	engine.Generates(m, "chat", g)
}

func encode(chunk any) (engine.Encoded, error) {
	b, err := json.Marshal(chunk)
	return engine.Encoded{Data: b}, err
}

func decode(in engine.Input) (t Task, err error) {
	if in.Body != nil {
		return decodeJSON(in.Body)
	}
	words, err := strconv.Atoi(in.Query.Get("words"))
	if err != nil {
		return t, apierr.InvalidInput("", "say how many words")
	}
	pad, _ := strconv.Atoi(in.Query.Get("pad"))
	return Task{Words: words, Pad: pad, Pause: in.Query.Get("pause"), End: in.Query.Get("end")}, nil
}

func decodeJSON(body []byte) (t Task, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return t, &apierr.Error{Code: apierr.CodeInvalidJSON, Message: "this is no task", Cause: err}
	}
	return t, nil
}

func decodeChat(in engine.Input) (Task, error) {
	var request struct {
		Messages []struct{ Content string } `json:"messages"`
	}
	if err := json.Unmarshal(in.Body, &request); err != nil || len(request.Messages) != 1 {
		return Task{}, apierr.InvalidInput("", "send one message")
	}
	return decodeJSON([]byte(request.Messages[0].Content))
}

// work is a task that can be done.
type work struct {
	Task
	pause time.Duration
}

func prepare(_ context.Context, t Task) (work, error) {
	w := work{Task: t}
	if t.Pause != "" {
		var err error
		if w.pause, err = time.ParseDuration(t.Pause); err != nil {
			return w, apierr.InvalidInput("", "the pause is no duration")
		}
	}
	return w, nil
}

func tell(ctx context.Context, w work, emit func(...string) error) (engine.End, error) {
	timer := time.NewTimer(w.pause)
	defer timer.Stop()
	for n := range w.Words {
		if w.pause > 0 {
			timer.Reset(w.pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return engine.End{}, context.Cause(ctx)
			}
		}
		if err := emit(w.Word(n)); err != nil {
			return engine.End{}, err
		}
	}
	switch w.End {
	case "fail":
		return engine.End{}, fmt.Errorf("a failure that was asked for")
	case "panic":
		panic("a panic that was asked for")
	case "hold":
		<-ctx.Done()
		return engine.End{}, context.Cause(ctx)
	default:
		return engine.Stopped(engine.Usage{CompletionTokens: w.Words}), nil
	}
}
