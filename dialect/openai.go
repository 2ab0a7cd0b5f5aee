package dialect

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"penstock/apierr"
	"penstock/sse"
)

// decodeOpenAI reads what is common to OpenAI's requests: the few members that a gateway needs.
func decodeOpenAI(name Name, in Input, parse func(body []byte) (*Parameters, error)) (*Request, error) {
	p, body, err := peekRequest(in.Body)
	if err != nil {
		return nil, err
	}
	r := &Request{
		Call:    Call{Model: p.Model, Dialect: name, Body: in.Body, MediaType: in.MediaType, body: body},
		Stream:  p.Stream,
		Choices: p.N * p.Prompts, includeUsage: p.IncludeUsage,
	}
	r.parse = func() (*Parameters, error) {
		if err := checkMediaType(in.MediaType); err != nil {
			return nil, err
		}
		return parse(in.Body)
	}
	return r, nil
}

// checkMediaType refuses bodies of images, sounds, films or multipart forms. All others may be
// JSON: curl sends JSON as a form of another kind by default.
func checkMediaType(mediaType string) error {
	media, _, _ := strings.Cut(mediaType, ";")
	switch kind, _, _ := strings.Cut(media, "/"); strings.ToLower(strings.TrimSpace(kind)) {
	case "multipart", "image", "audio", "video":
		return &apierr.Error{
			Code:    apierr.CodeUnsupportedMediaType,
			Message: fmt.Sprintf("a body of type %q is not read here: send application/json", apierr.Shorten(media)),
		}
	}
	return nil
}

// chunkEncoder is what the encoders of chat and text completions share: both pass chunks of their
// own dialect through, and end in the same way.
type chunkEncoder struct {
	dialect     Name
	id          string
	model       string
	created     int64
	usage       bool // the client requested a chunk with the usage
	fingerprint string
	begun       bool
}

func newChunkEncoder(r *Request, name Name, prefix string) chunkEncoder {
	return chunkEncoder{
		dialect: name, id: prefix + rand.Text(), model: r.Model, created: time.Now().Unix(), usage: r.includeUsage,
	}
}

// End implements Encoder.
func (e *chunkEncoder) End(into []sse.Event, _ End) ([]sse.Event, error) {
	return append(into, sse.Event{Data: []byte(done)}), nil
}

// Fail implements Encoder: the event's data is an error object.
func (e *chunkEncoder) Fail(err *apierr.Error) sse.Event {
	data, _ := json.Marshal(openAIErrorOf(err)) // strings always encode
	return sse.Event{Data: data}
}

// appendJSON appends an event whose data are value as JSON.
func appendJSON(into []sse.Event, value any) ([]sse.Event, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a chunk: %w", err)
	}
	return append(into, sse.Event{Data: data}), nil
}

// openAI is what the codecs of OpenAI's routes share.
type openAI struct{ name Name }

// Name implements Codec.
func (o openAI) Name() Name { return o.name }

// Error implements Codec.
func (openAI) Error(err error, _ string) ErrorResponse { return openAIError(err) }

// Notice implements Codec: OpenAI has no events for these.
func (openAI) Notice(Notice) (sse.Event, bool) { return sse.Event{}, false }

// Ends implements Codec, for chat and text completions.
func (openAI) Ends(e sse.Event) bool {
	return e.Name.String() == errorWord || isDone(e.Data) || reportsFailure(e.Data)
}

// usageOr returns the usage that a delta had, else that of the end.
func usageOr(u *Usage, end End) *Usage {
	if u != nil {
		return u
	}
	end.Usage.TotalTokens = max(end.Usage.TotalTokens, end.Usage.PromptTokens+end.Usage.CompletionTokens)
	return &end.Usage
}
