package gateway

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/engine"
)

// memberStream is the member by which requests of OpenAI's API are for a stream.
const memberStream = "stream"

// takeStream reports whether a JSON object of :predict requests a stream by a "stream": true,
// and takes that out of the input of a model that is no language model, whose own input has no such
// member.
func (v nativeVerb) takeStream(in *engine.Input) bool {
	if !bytes.Contains(in.Body, []byte(`"`+memberStream+`"`)) {
		return false
	}
	begin, end, ok := streamMember(in.Body)
	if ok && v.gen == nil {
		in.Body = append(in.Body[:begin], in.Body[end:]...) // in its place
	}
	return ok
}

// streamMember returns where an object has its member "stream": true, with one of the commas beside
// it.
func streamMember(body []byte) (begin, end int64, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if d.PeekKind() != '{' {
		return 0, 0, false
	}
	if _, err := d.ReadToken(); err != nil {
		return 0, 0, false
	}
	for before := d.InputOffset(); d.PeekKind() == '"'; before = d.InputOffset() {
		name, err := d.ReadToken()
		if err != nil {
			return 0, 0, false
		}
		wanted := name.String() == memberStream
		value, err := d.ReadValue()
		if err != nil {
			return 0, 0, false
		}
		if !wanted {
			continue
		}
		end = d.InputOffset()
		if before == 1+int64(bytes.IndexByte(body, '{')) { // the first member: the comma after it goes
			if rest := bytes.TrimLeft(body[end:], " \t\r\n"); len(rest) > 0 && rest[0] == ',' {
				end = int64(len(body)-len(rest)) + 1
			}
		}
		return before, end, string(value) == "true"
	}
	return 0, 0, false
}
