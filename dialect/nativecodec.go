package dialect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/apierr"
	"penstock/sse"
)

// NewNative returns the codec of Penstock's own routes, JSON and SSE. The model is part of the
// path, and the route determines whether the response is a stream: the caller of Decode sets both.
func NewNative() Codec { return nativeCodec{} }

type nativeCodec struct{}

// Name implements Codec.
func (nativeCodec) Name() Name { return Native }

// Decode implements Codec.
func (nativeCodec) Decode(in Input) (*Request, error) {
	if err := checkMediaType(in.MediaType); err != nil {
		return nil, err
	}
	fields, err := NativeFields(in.Body, in.Query)
	if err != nil {
		return nil, err
	}
	r := &Request{Call: Call{Dialect: Native, Body: in.Body, MediaType: in.MediaType}, Choices: 1, fields: fields}
	r.parse = r.parseNative
	return r, nil
}

// parseNative reads a native request as a chat, in which a prompt is one user's message.
func (r *Request) parseNative() (*Parameters, error) {
	prompt, err := r.nativePrompt()
	if err != nil {
		return nil, err
	}
	fields := maps.Clone(r.fields)
	if prompt != nil {
		delete(fields, "prompt")
		fields["messages"] = json.RawMessage(`[{"role":"user","content":""}]`) // the prompt is put in below
	}
	fields["model"], _ = json.Marshal(orElse(r.Model, "-")) // always encodes
	chat, err := ParseChatRequest(objectOf(fields))
	if d, ok := err.(*Error); ok && d.Param == "messages" && d.Code == codeMissing { //nolint:errorlint // our own
		d.Message = `Missing required parameter: give "prompt" or "messages".`
	}
	if err != nil {
		return nil, err
	}
	if chat.Logprobs != nil && *chat.Logprobs {
		return nil, Unsupported("logprobs", "is not supported here; use /v1/chat/completions.")
	}
	if prompt != nil {
		chat.Messages[0].Content = Text(*prompt)
	}
	p, err := chat.parameters()
	if err == nil && prompt != nil {
		p.Prompt = &Prompt{Texts: []string{*prompt}}
		p.Names.Input = "prompt"
	}
	return p, err
}

// objectOf writes an object with these members, which are valid JSON, in the order of their names.
func objectOf(members map[string]json.RawMessage) []byte {
	size := 2
	for name, value := range members {
		size += len(name) + len(`"":,`) + len(value)
	}
	object := append(make([]byte, 0, size), '{')
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			object = append(object, ',')
		}
		object, _ = jsontext.AppendQuote(object, name) // names are UTF-8
		object = append(append(object, ':'), members[name]...)
	}
	return append(object, '}')
}

// nativePrompt returns the request's prompt, nil if it has none.
func (r *Request) nativePrompt() (*string, error) {
	raw, ok := r.fields["prompt"]
	if !ok {
		return nil, nil
	}
	prompt := new(string)
	if err := json.Unmarshal(raw, prompt); err != nil {
		return nil, InvalidValue("prompt", "it must be a string.")
	}
	return prompt, nil
}

// The names of native events. A chunk has none.
var (
	nameQueued  = sse.MustName("queued")
	nameStarted = sse.MustName("started")
	nameDone    = sse.MustName("done")
	nameFailed  = sse.MustName("failed")
)

// Ends implements Codec. A generator with an encoding of its own has no events of these names: its
// readers would take one for the end, and are cut off before it.
func (nativeCodec) Ends(e sse.Event) bool { return e.Name == nameDone || e.Name == nameFailed }

// Notice implements Codec.
func (nativeCodec) Notice(n Notice) (sse.Event, bool) {
	if n.Position > 0 {
		return small(nameQueued, struct {
			Position int `json:"position"`
		}{n.Position}), true
	}
	return small(nameStarted, struct {
		Model string `json:"model"`
	}{n.Model}), true
}

// small returns an event whose data are a struct of strings and numbers.
func small(name sse.Name, value any) sse.Event {
	data, _ := json.Marshal(value) // always encodes
	return sse.Event{Name: name, Data: data}
}

// NativeEnd returns the terminal event of a complete native stream.
func NativeEnd(end End) sse.Event {
	return small(nameDone, struct {
		Reason string      `json:"reason"`
		Usage  nativeUsage `json:"usage"`
	}{end.Reason, usageOfEnd(end)})
}

// NativeFail returns the terminal event of a native stream that failed.
func NativeFail(err *apierr.Error) sse.Event {
	e := ErrorOf(err)
	return small(nameFailed, nativeError{Code: e.Code, Reason: e.Reason, Message: e.Message})
}

// nativeError is the error object of Penstock's own routes.
type nativeError struct {
	Code      apierr.Code `json:"code"`
	Reason    string      `json:"reason,omitempty"`
	Message   string      `json:"message"`
	Param     string      `json:"param,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
}

// nativeUsage counts tokens on Penstock's own routes.
type nativeUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func usageOfEnd(end End) nativeUsage {
	u := end.Usage
	return nativeUsage{u.PromptTokens, u.CompletionTokens, u.PromptTokens + u.CompletionTokens}
}

// Error implements Codec.
func (nativeCodec) Error(err error, requestID string) ErrorResponse {
	e := ErrorOf(err)
	return NewErrorResponse(e, struct {
		Error nativeError `json:"error"`
	}{nativeError{Code: e.Code, Reason: e.Reason, Message: e.Message, Param: e.Param, RequestID: requestID}})
}

// Stream implements Codec.
func (nativeCodec) Stream(*Request) Encoder { return nativeEncoder{} }

// nativeEncoder makes an event {"text":…} of each delta with text. Reasoning and tool calls are
// left out.
type nativeEncoder struct{}

// Encode implements Encoder.
func (nativeEncoder) Encode(into []sse.Event, deltas []Delta) ([]sse.Event, error) {
	for i := range deltas {
		d := &deltas[i]
		if d.Dialect == Native {
			into = append(append(into, d.Event), d.More...)
			continue
		}
		text := nativeText(d)
		if text == "" {
			continue
		}
		data, err := json.Marshal(nativeChunk{text})
		if err != nil {
			return nil, fmt.Errorf("encode a chunk: %w", err)
		}
		into = append(into, sse.Event{Data: data})
	}
	return into, nil
}

type nativeChunk struct {
	Text string `json:"text"`
}

func nativeText(d *Delta) string {
	if d.Refusal == "" {
		return d.Text
	}
	return d.Text + d.Refusal
}

// End implements Encoder.
func (nativeEncoder) End(into []sse.Event, end End) ([]sse.Event, error) {
	return append(into, NativeEnd(end)), nil
}

// Fail implements Encoder.
func (nativeEncoder) Fail(err *apierr.Error) sse.Event { return NativeFail(err) }

// Whole implements Codec.
func (nativeCodec) Whole(*Request) Gatherer { return new(nativeGatherer) }

type nativeGatherer struct{ text strings.Builder }

// Add implements Gatherer.
func (g *nativeGatherer) Add(deltas ...Delta) error {
	for i := range deltas {
		g.text.WriteString(nativeText(&deltas[i]))
	}
	return nil
}

// Whole implements Gatherer.
func (g *nativeGatherer) Whole(end End) ([]byte, error) { return nativeWhole(g.text.String(), end) }

func nativeWhole(text string, end End) ([]byte, error) {
	return marshalPlain(struct {
		Output string      `json:"output"`
		Reason string      `json:"reason"`
		Usage  nativeUsage `json:"usage"`
	}{text, end.Reason, usageOfEnd(end)})
}

// NativeChunks collects the chunks {"text":…} of a model that is no language model into a whole
// response. The zero value is ready. It is for one goroutine.
type NativeChunks struct{ text strings.Builder }

// Add adds a chunk. It fails with CodeNotAcceptable if that has no text.
func (c *NativeChunks) Add(e sse.Event) error {
	var chunk struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(e.Data, &chunk); err != nil || chunk.Text == nil {
		return &apierr.Error{
			Code:    apierr.CodeNotAcceptable,
			Message: "this model's chunks have no text that could be collected: request its stream",
			Cause:   err,
		}
	}
	c.text.WriteString(*chunk.Text)
	return nil
}

// Whole returns the response.
func (c *NativeChunks) Whole(end End) ([]byte, error) { return nativeWhole(c.text.String(), end) }
