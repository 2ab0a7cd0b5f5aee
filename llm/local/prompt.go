package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"penstock/dialect"
	"penstock/llm/template"
	"penstock/tokenizer"
)

// prompt is what a completion continues: one of a conversation, a text and tokens.
type prompt struct {
	messages []template.Message
	text     *string
	tokens   []int64

	param string // the request's name of it
}

// job is a checked request with its prompt as tokens.
type job struct {
	parameters
	prompt []int64
}

// promptOf returns a request's prompt.
func (m *Model) promptOf(p *dialect.Parameters) (all prompt, err error) {
	all.param = p.Names.Input
	// A prompt with messages is another form of them, which needs no chat template.
	if p.Prompt == nil || p.Messages != nil && m.template != nil {
		all.messages, err = m.messages(p.Messages)
		return all, err
	}
	if len(p.Prompt.Texts)+len(p.Prompt.Tokens) != 1 {
		return all, unsupportedValue(all.param, "Unsupported value: '"+all.param+"' must be one prompt with this model; send several requests instead.")
	}
	if len(p.Prompt.Texts) > 0 {
		all.text = &p.Prompt.Texts[0]
		return all, nil
	}
	all.tokens = make([]int64, len(p.Prompt.Tokens[0]))
	for i, id := range p.Prompt.Tokens[0] {
		if id < 0 || id >= m.graph.vocab {
			return all, dialect.InvalidValue(all.param, "it holds a number that is none of this model's token ids.")
		}
		all.tokens[i] = int64(id)
	}
	return all, nil
}

// messages converts messages, which must be text, for the chat template.
func (m *Model) messages(messages []dialect.Message) ([]template.Message, error) {
	if m.template == nil {
		return nil, dialect.Unsupported("messages", "is not supported with this model, which has no chat template: send a 'prompt'.")
	}
	all := make([]template.Message, len(messages))
	for i, d := range messages {
		at := fmt.Sprintf("messages[%d]", i)
		switch {
		case d.Role == "tool" || d.Role == "function":
			return nil, unsupportedValue(at+".role", fmt.Sprintf("Unsupported value: '%s.role' is '%s', and this model calls no tools.", at, d.Role))
		case len(d.ToolCalls) > 0:
			return nil, dialect.Unsupported(at+".tool_calls", "")
		case d.FunctionCall != nil:
			return nil, dialect.Unsupported(at+".function_call", "")
		case len(d.Audio) > 0 && string(d.Audio) != "null":
			return nil, dialect.Unsupported(at+".audio", "")
		}
		text := d.Content.String()
		for k, p := range d.Content.Parts {
			switch p.Type {
			case "text":
			case "refusal":
				text += p.Refusal
			default:
				part := fmt.Sprintf("%s.content[%d].type", at, k)
				return nil, unsupportedValue(part, fmt.Sprintf("Unsupported value: '%s' is '%s', and this model reads text only.", part, p.Type))
			}
		}
		if d.Refusal != nil && text == "" {
			text = *d.Refusal
		}
		role := d.Role
		if role == "developer" { // OpenAI's newer name, which templates don't know
			role = "system"
		}
		all[i] = template.Message{Role: role, Content: text, Name: d.Name}
	}
	return all, nil
}

// preprocess checks a request and converts its prompt to tokens.
func (m *Model) preprocess(ctx context.Context, r *dialect.Request) (job, error) {
	checked, err := m.request(r)
	if err != nil {
		return job{}, err
	}
	tokens, err := m.tokens(ctx, checked.prompt)
	if err != nil {
		return job{}, err
	}
	return job{parameters: checked.parameters, prompt: tokens}, nil
}

// tokens converts a prompt to tokens, which leave room in the context for at least one more.
func (m *Model) tokens(ctx context.Context, p prompt) (tokens []int64, err error) {
	// A text that is far too long is not worth rendering and tokenizing.
	if least := p.bytes() / m.longest; least >= m.context {
		return nil, m.tooLong(p, least)
	}
	switch {
	case p.tokens != nil:
		tokens = p.tokens
	case p.text != nil:
		// A whole prompt may contain special tokens: what they mean in it is up to the client.
		tokens, err = m.encode(p, *p.text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
		if err != nil {
			return nil, err
		}
	default:
		if tokens, err = m.render(ctx, p); err != nil {
			return nil, err
		}
	}
	if len(tokens) == 0 {
		return nil, rejected(dialect.InvalidValue(p.param, "it must not be empty with this model."))
	}
	if len(tokens) >= m.context {
		return nil, m.tooLong(p, len(tokens))
	}
	return tokens, nil
}

// render applies the chat template to a conversation. Special tokens spelled out in a message are
// not parsed: they would let it pass for another role's.
func (m *Model) render(ctx context.Context, p prompt) (tokens []int64, err error) {
	parts, err := m.template.Render(ctx, p.messages, time.Now())
	if raised, ok := errors.AsType[*template.RaisedError](err); ok {
		return nil, rejected(dialect.InvalidValue(p.param, "this model's chat template says: "+raised.Message))
	}
	if err != nil {
		e := rejected(dialect.InvalidValue(p.param, "this model's chat template cannot make a prompt of them."))
		e.Cause = errors.Join(e.Cause, err)
		return nil, e
	}
	for _, part := range parts {
		more, err := m.encode(p, part.Text, tokenizer.EncodeOptions{ParseSpecial: !part.Literal})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, more...)
	}
	return tokens, nil
}

// encode converts a text of the prompt to tokens.
func (m *Model) encode(p prompt, text string, o tokenizer.EncodeOptions) ([]int64, error) {
	tokens, err := m.tokenizer.Encode(text, o)
	if err != nil {
		e := rejected(dialect.InvalidValue(p.param, "this model's tokenizer cannot split it into tokens in time: shorten it."))
		e.Cause = errors.Join(e.Cause, err)
		return nil, e
	}
	return tokens, nil
}

// bytes returns the length of the prompt as it was sent.
func (p *prompt) bytes() (n int) {
	for _, m := range p.messages {
		n += len(m.Role) + len(m.Content) + len(m.Name)
	}
	if p.text != nil {
		n += len(*p.text)
	}
	return n
}

// tooLong is the error of a prompt of that many tokens, which leaves no room for a completion.
func (m *Model) tooLong(p prompt, tokens int) error {
	e := dialect.ContextLengthExceeded(m.context, tokens)
	e.Param = p.param
	return rejected(e)
}
