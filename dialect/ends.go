package dialect

import (
	"bytes"
	"strings"
	"unicode"

	"penstock/sse"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sashabaranov/go-openai"
)

// done is the data of the event that ends a stream of chat or text completions.
const done = "[DONE]"

// errorWord is the name, and the type, of an event that reports an error, and the member that holds
// one.
const errorWord = "error"

// isDone reports whether a client of OpenAI's would take the data for the end of the stream. SDKs
// look at the beginning only, and some of them at each line by itself.
func isDone(data []byte) bool {
	if startsWithDone(data) {
		return true
	}
	// A line end is rare: JSON has them between its values only.
	if bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') < 0 {
		return false
	}
	for i, b := range data {
		if (b == '\n' || b == '\r') && startsWithDone(data[i+1:]) {
			return true
		}
	}
	return false
}

func startsWithDone(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeftFunc(data, isTrimmed), []byte(done))
}

// isTrimmed reports whether some client trims the character from a line.
func isTrimmed(r rune) bool { return r != '\n' && r != '\r' && unicode.IsSpace(r) || r == '\ufeff' }

// reportsFailure reports whether a client of OpenAI's would take the data for an error object,
// which ends the stream: it has a member "error" that holds something.
func reportsFailure(data []byte) bool {
	if !bytes.Contains(data, []byte(`"error"`)) && !escapesLetters(data) {
		return false
	}
	failed := false
	err := members(data, func(name string, value jsontext.Value, _ int64) error {
		failed = failed || name == errorWord && raisesError(value)
		return nil
	})
	return failed || err != nil // some clients parse what is not quite JSON
}

// endsIn is the Ends of the codec of one of OpenAI's dialects. A Reader looks at an event as
// servers mean it, and Ends as any client may take it: a name and a type that differ, a member that
// comes twice. To a Reader, an event that only clients would take for the end is malformed.
func endsIn(name Name, e sse.Event) bool {
	if name == Responses {
		return responseCodec{}.Ends(e)
	}
	return openAI{}.Ends(e)
}

// endsResponse reports whether an event of /v1/responses with that name or type ends the stream.
func endsResponse(kind string) bool {
	switch openai.ResponseStreamEventType(kind) {
	case openai.ResponseStreamEventCompleted, openai.ResponseStreamEventIncomplete,
		openai.ResponseStreamEventFailed, openai.ResponseStreamEventError:
		return true
	default:
		return false
	}
}

// endsResponseByData is endsResponse for the type inside an event's data, and reportsFailure.
// Nearly all events lack these strings, and are not parsed.
func endsResponseByData(data []byte) bool {
	switch {
	case isDone(data):
		return true
	case bytes.Contains(data, []byte(`"error"`)),
		bytes.Contains(data, []byte(`"response.completed"`)),
		bytes.Contains(data, []byte(`"response.incomplete"`)),
		bytes.Contains(data, []byte(`"response.failed"`)),
		escapesLetters(data):
	default:
		return false
	}
	ends := false
	err := members(data, func(name string, value jsontext.Value, _ int64) error {
		switch strings.ToLower(name) { // some clients, as Go's encoding/json, ignore case
		case "type":
			var kind string
			_ = unmarshalLoosely(value, &kind) // another type is none of these
			ends = ends || endsResponse(kind)
		case errorWord:
			ends = ends || raisesError(value)
		}
		return nil
	})
	return ends || err != nil
}

// escapesLetters reports whether JSON may hold these strings in another form: an ASCII letter or a
// full stop is escaped, which no encoder does.
func escapesLetters(data []byte) bool {
	for {
		i := bytes.Index(data, []byte(`\u00`))
		if i < 0 || len(data) < i+len(`\u0000`) {
			return false
		}
		data = data[i+len(`\u00`):]
		if data[0] == '6' || data[0] == '7' || data[0] == '2' && data[1]|0x20 == 'e' {
			return true
		}
	}
}
