package dialect

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// OpenAIRemote returns how a request is sent to a server that has OpenAI's API. In a dialect of
// that API it is sent as it is, and the response comes back as it is: as events, or, unless it is
// streamed, through the request's Passthrough. Any other request is translated to a streamed
// /chat/completions, and its deltas have typed values.
func OpenAIRemote(r *Request) Remote {
	if r.Stream || r.Passthrough != nil {
		switch r.Dialect {
		case Chat:
			return untranslated{Chat, "/chat/completions"}
		case Completions:
			return untranslated{Completions, "/completions"}
		case Responses:
			return untranslated{Responses, "/responses"}
		}
	}
	return translated{}
}

// untranslated is the Remote of requests that are in a dialect of OpenAI's API.
type untranslated struct {
	name Name
	path string
}

// Name implements Remote.
func (u untranslated) Name() Name { return u.name }

// Path implements Remote.
func (u untranslated) Path() string { return u.path }

// Body implements Remote.
func (u untranslated) Body(r *Request) (Body, error) { return NewBody(r.Body) }

// Reader implements Remote.
func (u untranslated) Reader(r *Request) Reader {
	if u.name == Responses {
		return &responsesReader{}
	}
	return newChunkReader(u.name, r, false)
}

// Body is the body of a request for a model that has a name of its own on every server. The zero
// Body is empty.
type Body struct {
	parts [][]byte // the name is between them
}

// NewBody returns the body of a request, whose top-level member "model" is to be replaced: all of
// its values if it occurs more than once, so that it does not matter which of them the receiver
// takes; a missing one is added in front. Every other byte stays as it is. Its error is an *Error.
func NewBody(request []byte) (Body, error) {
	var b Body
	copied, empty := 0, true
	err := members(request, func(name string, value jsontext.Value, end int64) error {
		empty = false
		if name == "model" {
			b.parts = append(b.parts, request[copied:int(end)-len(value)])
			copied = int(end)
		}
		return nil
	})
	if err != nil {
		return Body{}, err
	}
	rest := request[copied:]
	if b.parts == nil {
		brace := bytes.IndexByte(request, '{') + 1
		b.parts = [][]byte{append(bytes.Clone(request[:brace]), `"model":`...)}
		rest = request[brace:]
		if !empty {
			rest = append([]byte{','}, rest...)
		}
	}
	b.parts = append(b.parts, rest)
	return b, nil
}

// For returns the body for a server whose model has that name.
func (b Body) For(model string) []byte {
	name, _ := jsontext.AppendQuote(nil, model) // what is not UTF-8 is replaced
	return bytes.Join(b.parts, name)
}
