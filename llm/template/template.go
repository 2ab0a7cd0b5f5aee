package template

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Options are the parts of a model's files that define its prompts.
type Options struct {
	Source    string            // the chat_template of tokenizer_config.json
	Variables map[string]string // bos_token, eos_token and the like, as the template names them
	Specials  []string          // the special tokens, which no message may forge
}

// Template is a parsed chat template, safe for concurrent use.
type Template struct {
	parsed    *exec.Template
	source    string
	variables map[string]string
	specials  specials
}

// Message is one message of a conversation.
type Message struct {
	Role    string
	Content string
	Name    string // if empty, the template does not have the field
}

// Part is a part of a prompt. The prompt is the concatenation of the texts.
type Part struct {
	Text string
	// Literal means that special tokens spelled out in Text are from a message and must be
	// tokenized as plain text.
	Literal bool
}

// RaisedError is the template's rejection of a conversation, with the message that it passed to
// raise_exception.
type RaisedError struct{ Message string }

func (e *RaisedError) Error() string { return "chat template: " + e.Message }

// New parses a template. Its errors name what is wrong in the source or not available.
func New(o Options) (t *Template, err error) {
	defer recovered("parse the chat template", &err)
	if len(o.Source) > maxSource {
		return nil, fmt.Errorf("chat template: longer than %d bytes", maxSource)
	}
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = true, true // as Hugging Face's transformers set them
	if err := refuseRepetition(o.Source, cfg); err != nil {
		return nil, err
	}
	const only = "/chat_template"
	loader, err := loaders.NewMemoryLoader(map[string]string{only: o.Source})
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	parsed, err := exec.NewTemplate(only, cfg, loader, sandbox())
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", innermost(err))
	}
	return &Template{parsed: parsed, source: o.Source, variables: o.Variables, specials: indexSpecials(o.Specials)}, nil
}

// Render returns the prompt of a conversation, up to where the model's message starts. now is the
// time of strftime_now. The error is a *RaisedError, the context's cause, or a plain error if the
// template fails on these messages or exceeds the sandbox's bounds. A plain error may quote a
// message, so it belongs in the log only.
func (t *Template) Render(ctx context.Context, messages []Message, now time.Time) (parts []Part, err error) {
	defer recovered("render the chat template", &err)
	guard, err := t.specials.guard(t.source, messages)
	if err != nil {
		return nil, err
	}
	m := &meter{ctx: ctx, deadline: time.Now().Add(maxTime)}
	data := map[string]any{
		meterName:               m,
		"messages":              conversation(messages, guard),
		"add_generation_prompt": true,
		"raise_exception":       m.raise,
		"strftime_now":          strftimeNow(now),
	}
	for name, value := range t.variables {
		data[name] = value
	}
	err = t.parsed.Execute(m, exec.NewContext(data))
	switch {
	case m.failed != nil: // first, because the library's errors do not wrap it
		return nil, m.failed
	case err != nil:
		return nil, fmt.Errorf("chat template: %w", innermost(err))
	}
	return guard.split(m.out.String()), nil
}

// conversation returns the messages as values for the template.
func conversation(messages []Message, g guard) list {
	all := make(list, len(messages))
	for i, m := range messages {
		d := exec.NewDict()
		set := func(key, value string) {
			d.Pairs = append(d.Pairs, &exec.Pair{Key: exec.AsValue(key), Value: exec.AsValue(value)})
		}
		set("role", g.mark(m.Role))
		set("content", g.mark(m.Content))
		if m.Name != "" {
			set("name", g.mark(m.Name))
		}
		all[i] = d
	}
	return all
}

// recovered converts a panic of the template library to an error.
func recovered(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %v", doing, p)
	}
}

// innermost returns the innermost error of err's chain, truncated: the outer ones contain the
// template's syntax tree, and the library quotes values.
func innermost(err error) error {
	const most = 200
	for {
		next := errors.Unwrap(err)
		if v, ok := err.(*exec.Value); ok { //nolint:errorlint // every layer is inspected
			next, _ = v.Interface().(error)
		}
		if next == nil {
			break
		}
		err = next
	}
	text, _, _ := strings.Cut(err.Error(), "' of ") // "invalid call to method '…' of" a whole value
	return errors.New(strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
