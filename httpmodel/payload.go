package httpmodel

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/apierr"
	"penstock/engine"
)

// payload is what a step takes, and what it gives: bytes of any media type.
type payload struct {
	mediaType string
	body      []byte
	query     url.Values  // the client's, of what it has sent; steps give none
	header    http.Header // the client's headers that are passed on
}

const mediaJSON = "application/json"

// decode returns what a client has sent as the input of the first step.
func decode(in engine.Input) (*payload, error) {
	for name, values := range in.Parameters {
		for _, text := range append(values[:len(values):len(values)], name) {
			if !utf8.ValidString(text) {
				return nil, apierr.InvalidInput("bad_query", "parameter %q is not UTF-8", name)
			}
		}
	}
	return &payload{mediaType: in.MediaType, body: in.Body, query: in.Parameters}, nil
}

// encode returns what the last step has given as the result.
func encode(p *payload) (engine.Output, error) {
	return engine.Output{MediaType: p.mediaType, Body: p.body}, nil
}

// asBody returns the payload with a body: a client that cannot send one, as EventSource, has its
// input in the query, which becomes a JSON object of texts, and of lists of texts where a name is
// repeated.
func (p *payload) asBody() *payload {
	if len(p.body) > 0 {
		return p
	}
	object := []byte{'{'}
	quote := func(text string) { object, _ = jsontext.AppendQuote(object, text) } // it is UTF-8
	for _, name := range slices.Sorted(maps.Keys(p.query)) {
		if len(object) > 1 {
			object = append(object, ',')
		}
		quote(name)
		object = append(object, ':')
		values := p.query[name]
		if len(values) == 1 {
			quote(values[0])
			continue
		}
		for i, value := range values {
			object = append(object, "[,"[min(i, 1)])
			quote(value)
		}
		object = append(object, ']')
	}
	return &payload{mediaType: mediaJSON, body: append(object, '}'), header: p.header}
}
