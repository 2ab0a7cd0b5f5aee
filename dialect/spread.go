package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"penstock/sse"
)

// EventsOf returns the events in which a server's stream would have brought the whole response, for
// a client that wants a stream: chunks, a usage and [DONE], or the events of /v1/responses. Members
// that this package does not have are part of one of them. A body may be a list of whole responses
// or chunks, as some servers send them. An error object becomes the event that reports it.
func EventsOf(name Name, body []byte) ([]sse.Event, error) {
	var compact bytes.Buffer // line ends between its values would end the line of an event
	if err := json.Compact(&compact, body); err != nil {
		return nil, fmt.Errorf("read a whole response: %w", err)
	}
	body = compact.Bytes()
	s := scanner{data: body}
	if s.skip(); !s.over() {
		return nil, errors.New("read a whole response: it is nested too deeply")
	}
	var bodies [][]byte
	if body[0] == '[' {
		eachElement(body, func(value []byte) { bodies = append(bodies, value) })
	} else {
		bodies = append(bodies, body)
	}
	if len(bodies) == 0 {
		return nil, errors.New("read a whole response: an empty list")
	}
	sp := &spreading{dialect: name}
	for _, b := range bodies {
		if err := sp.body(b); err != nil {
			return nil, err
		}
	}
	if name != Responses {
		sp.add([]byte(done))
	}
	return sp.events, nil
}

// spreading makes events of whole responses.
type spreading struct {
	dialect Name
	events  []sse.Event

	head  []byte // the beginning of each chunk
	extra []byte // members of the response that only the first chunk has: where SDKs look for them
}

func (sp *spreading) add(data []byte) { sp.events = append(sp.events, sse.Event{Data: data}) }

// body adds the events of one JSON value.
func (sp *spreading) body(body []byte) error {
	if body[0] != '{' {
		return errors.New("read a whole response: it is no object")
	}
	if is, err := ReportsError(body); err != nil || is {
		sp.add(body)
		return nil //nolint:nilerr // the reader of the event finds what it is
	}
	if sp.dialect == Responses {
		return sp.response(body)
	}
	var choices, usage []byte
	sp.head, sp.extra = nil, nil
	object := ObjectChatChunk
	if sp.dialect == Completions {
		object = ObjectCompletion
	}
	eachMember(body, func(name string, value []byte) {
		switch name {
		case "choices":
			choices = value
		case "usage":
			usage = value
		case "object", errorWord:
		case "id", "created", "model", "system_fingerprint", "service_tier", "provider":
			sp.head = append(appendMember(sp.head, 0, name), value...)
		default:
			sp.extra = append(appendMember(append(sp.extra, ','), len(sp.extra)+1, name), value...)
		}
	})
	if choices == nil || choices[0] != '[' {
		return errors.New("read a whole response: it has no choices")
	}
	sp.head = append(fmt.Appendf(appendMember(sp.head, 0, "object"), "%q", object), `,"choices":[`...)
	position := 0
	eachElement(choices, func(choice []byte) {
		sp.choice(choice, position)
		position++
	})
	if position == 0 && sp.extra != nil {
		sp.chunk(nil, nil)
	}
	if usage != nil && usage[0] != 'n' {
		sp.chunk(nil, append([]byte(`,"usage":`), usage...))
	}
	return nil
}

// chunk adds a chunk with a choice, if there is one, and further members.
func (sp *spreading) chunk(choice, extra []byte) {
	sp.add(slices.Concat([]byte{'{'}, sp.head, choice, []byte{']'}, extra, sp.extra, []byte{'}'}))
	sp.extra = nil
}

// choice adds the chunks of a choice: its role, its reasoning, its text, its tool calls, what else
// the message has, and its end.
func (sp *spreading) choice(choice []byte, position int) {
	if choice[0] != '{' {
		return
	}
	if index := elementIndex(choice); index >= 0 {
		position = index
	}
	if sp.dialect == Completions {
		sp.chunk(withMember(choice, "index", fmt.Appendf(nil, "%d", position)), nil) // both forms are one
		return
	}
	var message, rest []byte
	logprobs, finish := []byte("null"), []byte("null")
	eachMember(choice, func(name string, value []byte) {
		switch {
		case name == "index":
		case name == "message" || name == "delta" && message == nil:
			message = value
		case name == "logprobs":
			logprobs = value
		case name == "finish_reason":
			finish = value
		default:
			rest = append(appendMember(append(rest, ','), len(rest)+1, name), value...)
		}
	})
	part := func(delta, logprobs []byte, end string) {
		sp.chunk(fmt.Appendf(nil, `{"index":%d,"delta":{%s},"logprobs":%s%s}`, position, delta, logprobs, end), nil)
	}
	const null, open = "null", `,"finish_reason":null`
	m := partsOf(message)
	part(m.role, []byte(null), open)
	if m.reasoning != nil {
		part(m.reasoning, []byte(null), open)
	}
	if m.text != nil || string(logprobs) != null {
		part(m.text, logprobs, open)
	}
	if m.calls != nil {
		part(m.calls, []byte(null), open)
	}
	if m.rest != nil {
		part(m.rest, []byte(null), open)
	}
	sp.chunk(fmt.Appendf(nil, `{"index":%d,"delta":{},"logprobs":null,"finish_reason":%s%s}`, position, finish, rest), nil)
}

// messageParts are the members of a message in the order a stream has them, each as the members of
// a delta; nil: there are none.
type messageParts struct{ role, reasoning, text, calls, rest []byte }

func partsOf(message []byte) (p messageParts) {
	role, content := []byte(`"assistant"`), []byte("null")
	if len(message) > 0 && message[0] == '{' {
		eachMember(message, func(name string, value []byte) {
			into := &p.rest
			switch {
			case name == "role" && hasContent(value):
				role = value
				return
			case name == "content" && value[0] == '"':
				content = []byte(`""`) // and the rest of it, if there is more
				into = &p.text
				if !hasContent(value) {
					return
				}
			case value[0] == 'n':
				return
			case name == "content" || name == "refusal":
				into = &p.text
			case strings.HasPrefix(name, "reasoning") || strings.HasPrefix(name, "thinking"):
				into = &p.reasoning
			case name == "tool_calls" && value[0] == '[':
				if !hasContent(value) {
					return
				}
				into, value = &p.calls, indexed(value)
			}
			*into = append(appendMember(*into, 0, name), value...)
		})
	}
	p.role = fmt.Appendf(nil, `"role":%s,"content":%s`, role, content)
	return p
}

// indexed returns a list whose objects have their position as their index.
func indexed(list []byte) []byte {
	out, i := []byte{'['}, 0
	eachElement(list, func(value []byte) {
		if i > 0 {
			out = append(out, ',')
		}
		if value[0] == '{' && elementIndex(value) < 0 {
			value = append(fmt.Appendf(nil, `{"index":%d`, i), restOf(value, "index")...)
		}
		out = append(out, value...)
		i++
	})
	return append(out, ']')
}

// restOf returns the members of an object as they follow others: with a comma before them, unless
// there is none, and a brace after them.
func restOf(object []byte, without string) []byte {
	out := make([]byte, 0, len(object))
	eachMember(object, func(name string, value []byte) {
		if name != without {
			out = append(appendMember(append(out, ','), len(out)+1, name), value...)
		}
	})
	return append(out, '}')
}

// withMember returns an object with the value of a member replaced, or the member appended.
func withMember(object []byte, member string, with []byte) []byte {
	out, found := []byte{'{'}, false
	eachMember(object, func(name string, value []byte) {
		if name == member {
			value, found = with, true
		}
		out = append(appendMember(out, 1, name), value...)
	})
	if !found {
		out = append(appendMember(out, 1, member), with...)
	}
	return append(out, '}')
}
