package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/template"
	"penstock/tokenizer"
)

// request is a request of any of the verbs, checked. Its prompt is one of three things.
type request struct {
	settings
	messages []template.Message
	text     *string
	tokens   []int64

	param    string                    // the field that the prompt came in
	usage    bool                      // a last chunk tells the usage
	response *dialect.ResponsesRequest // of /v1/responses; else nil
}

// job is a request with its prompt in tokens.
type job struct {
	request
	prompt []int64
}

// preprocess makes tokens of a request's prompt.
func (m *Model) preprocess(ctx context.Context, r request) (job, error) {
	// A text far too long is not worth rendering and tokenizing.
	if least := r.bytes() / m.longest; least >= m.context {
		return job{}, refused(tooLong(r.param, m.context, least))
	}
	j := job{request: r}
	switch {
	case r.tokens != nil:
		j.prompt = r.tokens
	case r.text != nil:
		// Who sends a whole prompt may write special tokens: it is where their meaning is the caller's to use.
		j.prompt = m.tokenizer.Encode(*r.text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
	default:
		parts, err := m.template.Render(ctx, r.messages, time.Now())
		if raised, ok := errors.AsType[*template.RaisedError](err); ok {
			return job{}, refused(dialect.InvalidValue(r.param, "this model's chat template says: "+raised.Message))
		}
		if err != nil {
			e := refused(dialect.InvalidValue(r.param, "this model's chat template cannot make a prompt of them."))
			e.Cause = errors.Join(e.Cause, err)
			return job{}, e
		}
		for _, p := range parts {
			j.prompt = append(j.prompt, m.tokenizer.Encode(p.Text, tokenizer.EncodeOptions{ParseSpecial: !p.Literal})...)
		}
	}
	if len(j.prompt) == 0 {
		return job{}, refused(dialect.InvalidValue(r.param, "it must not be empty with this model."))
	}
	if len(j.prompt) >= m.context {
		return job{}, refused(tooLong(r.param, m.context, len(j.prompt)))
	}
	return j, nil
}

// bytes is how long the prompt is before anything is made of it.
func (r *request) bytes() (n int) {
	for _, m := range r.messages {
		n += len(m.Role) + len(m.Content) + len(m.Name)
	}
	if r.text != nil {
		n += len(*r.text)
	}
	return n
}

// tooLong is the refusal of a prompt that leaves no room for an answer.
func tooLong(param string, limit, prompt int) *dialect.Error {
	e := dialect.ContextLengthExceeded(limit, prompt)
	e.Param = param
	return e
}

// unsupportedValue is the refusal of a value that other models take.
func unsupportedValue(param, message string) *dialect.Error {
	return &dialect.Error{Status: http.StatusBadRequest, Message: message, Type: dialect.InvalidRequest, Param: param, Code: "unsupported_value"}
}

// refused makes a dialect's error the engine's, which callers of any dialect can be told.
func refused(d *dialect.Error) *apierr.Error {
	e := &apierr.Error{Code: apierr.CodeInvalidInput, Reason: d.Code, Message: d.Message, Param: d.Param, Cause: d}
	if d.Code == string(apierr.CodeInvalidJSON) {
		e.Code, e.Reason = apierr.CodeInvalidJSON, ""
	}
	return e
}

// decoded finishes a Decode: its errors are the dialect's until here.
func decoded(r request, err error) (request, error) {
	if d, ok := errors.AsType[*dialect.Error](err); ok {
		return r, refused(d)
	}
	return r, err
}

// ofText keeps bodies that say they are pictures, sounds, films or forms from a Decode of JSON. All others it may read: curl
// calls JSON a form of another kind, if nobody tells it better.
func ofText(decode func(engine.Input) (request, error)) func(engine.Input) (request, error) {
	return func(in engine.Input) (request, error) {
		media, _, _ := strings.Cut(in.ContentType, ";")
		switch kind, _, _ := strings.Cut(media, "/"); strings.ToLower(strings.TrimSpace(kind)) {
		case "multipart", "image", "audio", "video":
			return request{}, &apierr.Error{
				Code:    apierr.CodeUnsupportedMediaType,
				Message: fmt.Sprintf("a body of type %q is not read here: send application/json", media),
			}
		}
		return decode(in)
	}
}

// conversationOf reads messages that are text and nothing else.
func (m *Model) conversationOf(messages []dialect.Message) ([]template.Message, error) {
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
