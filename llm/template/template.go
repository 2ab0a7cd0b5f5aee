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

// Options are what a model's files say about its prompts.
type Options struct {
	Source    string            // the chat_template of tokenizer_config.json
	Variables map[string]string // bos_token, eos_token and the like, as the template names them
	Specials  []string          // the special tokens, as they are written: what no message may forge
}

// Template is a parsed chat template, safe for concurrent use.
type Template struct {
	parsed    *exec.Template
	source    string
	variables map[string]string
	specials  specials
}

// Message is one turn of a conversation.
type Message struct {
	Role    string
	Content string
	Name    string // may be empty; then the template does not see the field
}

// Part is a piece of a prompt. The parts' texts joined are the prompt.
type Part struct {
	Text string
	// Literal: special tokens spelled out in Text came from a message and are nothing but characters.
	Literal bool
}

// RaisedError is the template's own refusal of a conversation: what it gave to raise_exception.
type RaisedError struct{ Message string }

func (e *RaisedError) Error() string { return "chat template: " + e.Message }

// New parses a template. Its errors say what the source has that is wrong or not available.
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

// Render returns the prompt for the conversation, ready for the model's answer. now is what strftime_now tells.
// Errors: *RaisedError, the context's cause, or a plain one where the template fails on these messages or goes beyond the
// sandbox's bounds; a plain one is for the log, since it may quote a message.
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
	case m.failed != nil: // first: the library's errors lose what they wrap
		return nil, m.failed
	case err != nil:
		return nil, fmt.Errorf("chat template: %w", innermost(err))
	}
	return guard.split(m.out.String()), nil
}

// conversation is the messages as the template sees them.
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

// recovered turns a panic of the template library into an error.
func recovered(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %v", doing, p)
	}
}

// innermost is the end of err's chain, cut short: the layers above it spell out the template's syntax tree, and the
// library quotes values.
func innermost(err error) error {
	const most = 200
	for {
		next := errors.Unwrap(err)
		if v, ok := err.(*exec.Value); ok { //nolint:errorlint // every layer is looked at in turn
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
