package local

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"penstock/dialect"
	"penstock/engine"
	"penstock/llm/template"
)

// nativeChunk is a chunk of the verb stream.
type nativeChunk struct {
	Text string `json:"text"`
}

// fields are the members of a request's JSON object, by name.
type fields map[string]jsontext.Value

// decodeNative reads the input of the verb stream: a chat request, in which a prompt may stand for one user's message,
// and which names no model. In a query it is the same, each field converted by its type.
func (m *Model) decodeNative(in engine.Input) (request, error) {
	r, err := m.nativeRequest(in)
	return decoded(r, err)
}

func (m *Model) nativeRequest(in engine.Input) (r request, err error) {
	var f fields
	if in.Body == nil {
		if f, err = fieldsOf(in.Query); err != nil {
			return r, err
		}
	} else if json.Unmarshal(in.Body, &f) != nil || f == nil {
		return r, &dialect.Error{
			Status: http.StatusBadRequest, Type: dialect.InvalidRequest, Code: string(engine.CodeInvalidJSON),
			Message: "We could not parse the JSON body of your request. Send one JSON object, in UTF-8, that names no field twice.",
		}
	}
	var prompt *string
	if raw, ok := f["prompt"]; ok {
		if _, both := f["messages"]; both {
			return r, dialect.InvalidValue("prompt", "give 'prompt' or 'messages', not both.")
		}
		if json.Unmarshal(raw, &prompt) != nil || prompt == nil {
			return r, dialect.InvalidValue("prompt", "it must be a string.")
		}
		delete(f, "prompt")
		f["messages"] = jsontext.Value(`[{"role":"user","content":""}]`)
	}
	f["model"], _ = json.Marshal(m.options.Name) // always encodes
	body, err := json.Marshal(f, json.Deterministic(true))
	if err != nil {
		return r, fmt.Errorf("write the request anew: %w", err)
	}
	c, err := dialect.ParseChatRequest(body)
	if d, ok := errors.AsType[*dialect.Error](err); ok && d.Param == "messages" && d.Code == "missing_required_parameter" {
		d.Message = `Missing required parameter: give "prompt" or "messages".`
	}
	if err != nil {
		return r, err
	}
	if c.Logprobs != nil && *c.Logprobs {
		return r, dialect.Unsupported("logprobs", "is not supported here; use /v1/chat/completions.")
	}
	if r, err = m.chatRequest(c); err != nil {
		return r, err
	}
	switch {
	case prompt == nil:
		r.messages, err = m.conversationOf(c.Messages)
	case m.template == nil: // a model without a chat template goes on with the text itself
		r.text, r.param = prompt, "prompt"
	default:
		r.messages, r.param = []template.Message{{Role: "user", Content: *prompt}}, "prompt"
	}
	return r, err
}

// fieldsOf makes members of query parameters. A value that does not suit its field's type stays a string, for the
// parser to refuse in its own words.
func fieldsOf(query url.Values) (fields, error) {
	kinds := map[string]reflect.Kind{"prompt": reflect.String}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[dialect.ChatRequest]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		kinds[name] = f.Type.Kind()
		if f.Type.Kind() == reflect.Pointer {
			kinds[name] = f.Type.Elem().Kind()
		}
	}
	f := fields{}
	for name, values := range query {
		kind := kinds[name]
		if kind != reflect.Slice && len(values) > 1 {
			return nil, dialect.InvalidValue(name, "it is given more than once.")
		}
		var value any = values[0]
		switch raw := []byte(values[0]); {
		case kind == reflect.Slice && !strings.HasPrefix(values[0], "["):
			value = values
		case kind != reflect.String && stdjson.Valid(raw):
			value = jsontext.Value(raw)
		}
		f[name], _ = json.Marshal(value) // always encodes
	}
	return f, nil
}

// generateNative answers in chunks of text.
func (m *Model) generateNative(ctx context.Context, j job, emit func(...nativeChunk) error) (engine.End, error) {
	return m.generate(ctx, j, func(p piece) error { return emit(nativeChunk{p.text}) })
}
