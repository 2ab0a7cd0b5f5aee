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
		default:
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
func (u untranslated) Body(r *Request) (Body, error) { return r.OwnBody() }

// Reader implements Remote.
func (u untranslated) Reader(r *Request) Reader {
	if u.name == Responses {
		return &responsesReader{}
	}
	return newChunkReader(u.name, r, false)
}

// Body is the body of a request for a model that has a name of its own on every server. Every other
// byte stays as it is.
type Body struct {
	request []byte
	name    span // the value of the top-level member "model"; empty if there is none
}

// span is a part of a request: bytes from start up to, not including, end.
type span struct{ start, end int }

// newBody returns the Body of a request without a member "model".
func newBody(request []byte) Body { return Body{request: request} }

// cut marks the value of the member "model".
func (b *Body) cut(start, end int) { b.name = span{start, end} }

// For returns the body for a server whose model has that name, which is UTF-8. If the request has
// no member "model", one is added in front.
func (b Body) For(model string) []byte {
	name, _ := jsontext.AppendQuote(nil, model) // what is not UTF-8 is replaced
	out := make([]byte, 0, len(b.request)+len(name)+len(`"model":,`))
	if b.name.end == 0 {
		brace := bytes.IndexByte(b.request, '{') + 1
		rest := b.request[brace:]
		out = append(append(append(out, b.request[:brace]...), `"model":`...), name...)
		if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{'}'}) {
			out = append(out, ',')
		}
		return append(out, rest...)
	}
	return append(append(append(out, b.request[:b.name.start]...), name...), b.request[b.name.end:]...)
}
