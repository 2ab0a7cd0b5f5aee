package dialect

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Body is the body of a request for a model that has a name of its own on every server, and whose
// stream may be asked for its usage. Every other byte stays as it is.
type Body struct {
	request []byte
	edits   []edit // in their order
	named   bool   // there is a member "model"
	options bool   // there is a member "stream_options"
	asks    bool   // the usage can be asked for, and the client has not
}

// edit is a part of a request that is replaced: bytes from start up to, not including, end.
type edit struct {
	start, end int
	usage      string // replaces it if the usage is asked for; "": it is replaced by the model's name
}

const (
	includeUsage  = `"include_usage":true`
	streamOptions = `"stream_options":{` + includeUsage + `}`
)

// newBody returns the Body of a request without a member "model".
func newBody(request []byte) Body { return Body{request: request, asks: true} }

// cut marks the value of the member "model".
func (b *Body) cut(start, end int) {
	b.named = true
	b.edits = append(b.edits, edit{start: start, end: end})
}

// ask marks what is changed in a value of the member "stream_options" to ask for the usage. A value
// that servers refuse stays as it is.
func (b *Body) ask(start, end int) {
	b.options = true
	value := b.request[start:end]
	if value[0] == 'n' { // null
		b.edits = append(b.edits, edit{start, end, "{" + includeUsage + "}"})
		return
	}
	if value[0] != '{' {
		b.asks = false
		return
	}
	found := false
	_ = members(value, func(name string, v jsontext.Value, end int64) error { // its syntax has been checked
		if name != "include_usage" {
			return nil
		}
		found = true
		if v.Kind() != 'f' && v.Kind() != 'n' {
			b.asks = false
		}
		at := start + int(end)
		b.edits = append(b.edits, edit{at - len(v), at, "true"})
		return nil
	})
	if !found {
		b.edits = append(b.edits, edit{start + 1, start + 1, includeUsage + comma(value[1:])})
	}
}

// comma is what follows a member that is added in front of the rest of an object.
func comma(rest []byte) string {
	if bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{'}'}) {
		return ""
	}
	return ","
}

// Asks reports whether the body can ask for the usage of a stream although the client has not.
func (b Body) Asks() bool { return b.asks }

// For returns the body for a server whose model has that name, which is UTF-8, and which is asked
// for the usage of the stream if usage is set and Asks. If the request has no member "model", one
// is added in front.
func (b Body) For(model string, usage bool) []byte {
	usage = usage && b.asks
	name, _ := jsontext.AppendQuote(nil, model) // what is not UTF-8 is replaced
	out := make([]byte, 0, len(b.request)+max(1, len(b.edits))*(len(name)+len(includeUsage))+len(`"model":,`)+len(streamOptions))
	copied := 0
	if !b.named || usage && !b.options {
		copied = bytes.IndexByte(b.request, '{') + 1
		out = append(out, b.request[:copied]...)
		if !b.named {
			out = append(append(out, `"model":`...), name...)
		}
		if usage && !b.options {
			if !b.named {
				out = append(out, ',')
			}
			out = append(out, streamOptions...)
		}
		out = append(out, comma(b.request[copied:])...)
	}
	for _, e := range b.edits {
		if e.usage != "" && !usage {
			continue
		}
		out = append(out, b.request[copied:e.start]...)
		if e.usage != "" {
			out = append(out, e.usage...)
		} else {
			out = append(out, name...)
		}
		copied = e.end
	}
	return append(out, b.request[copied:]...)
}
