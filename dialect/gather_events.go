package dialect

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// EventGatherer makes the whole response of the events of a server's stream, where a client that
// wants no stream gets one. It keeps every member that the server sends, also those that this
// package does not have: inside a delta strings join and lists merge by index, and outside it the
// last value counts. It is for one goroutine.
//
// It takes the events for valid: a Reader has read them.
type EventGatherer struct {
	dialect Name
	top     gathered // its members but the choices
	choices map[int]*gatheredChoice
	size    int

	response []byte         // of /v1/responses: that of the last event
	items    map[int][]byte // its output as far as it has been announced
}

// gatheredChoice is one choice as far as it has come.
type gatheredChoice struct {
	delta, text gathered
	rest        gathered // an open object
}

// GatherEvents returns the gatherer of a stream in one of OpenAI's dialects.
func GatherEvents(name Name) *EventGatherer {
	return &EventGatherer{
		dialect: name, top: gathered{members: map[string]*gathered{}}, choices: map[int]*gatheredChoice{}, items: map[int][]byte{},
	}
}

// Size returns about how many bytes are kept.
func (g *EventGatherer) Size() int { return g.size }

// Add adds the data of an event. It keeps nothing of its memory.
func (g *EventGatherer) Add(data []byte) error {
	if g.dialect == Responses {
		g.addResponse(data)
		return nil
	}
	var err error
	eachMember(data, func(name string, value []byte) {
		switch name {
		case "choices":
			if value[0] != '[' {
				return
			}
			eachElement(value, func(choice []byte) {
				if added := g.addChoice(choice); added != nil {
					err = added
				}
			})
		case "object", errorWord: // a chunk's own, and none
		default:
			g.size += g.top.member(name).put(value)
		}
	})
	return err
}

// addChoice adds an element of "choices".
func (g *EventGatherer) addChoice(choice []byte) error {
	if choice[0] != '{' {
		return nil
	}
	index := max(0, elementIndex(choice))
	if index >= maxChoices {
		return fmt.Errorf("gather a response: a choice with the index %d", index)
	}
	c := g.choices[index]
	if c == nil {
		c = &gatheredChoice{rest: gathered{members: map[string]*gathered{}}}
		g.choices[index] = c
		g.size += gatheredSize
	}
	eachMember(choice, func(name string, value []byte) {
		switch name {
		case "index":
		case "delta":
			g.size += c.delta.merge("", value)
		case "text":
			g.size += c.text.merge(name, value)
		case "logprobs", "token_ids": // one for each token, as in a delta
			g.size += c.rest.member(name).merge(name, value)
		default:
			g.size += c.rest.member(name).put(value)
		}
	})
	return nil
}

// addResponse adds an event of /v1/responses: the last one has the whole response. The items before
// it are kept because some servers leave them out there.
func (g *EventGatherer) addResponse(data []byte) {
	var kind string
	var response, item []byte
	index := -1
	eachMember(data, func(name string, value []byte) {
		switch name {
		case "type":
			kind = string(bytes.Trim(value, `"`))
		case "response":
			response = value
		case "item":
			item = value
		case "output_index":
			index = smallNumber(value)
		}
	})
	switch {
	case kind == "response.output_item.done" && index >= 0 && item != nil:
		g.size += gatheredSize + len(item) - len(g.items[index])
		g.items[index] = bytes.Clone(item)
	case endsResponse(kind) && response != nil:
		g.size += len(response)
		g.response = bytes.Clone(response)
	}
}

// Whole returns the body of the response.
func (g *EventGatherer) Whole() ([]byte, error) {
	if g.dialect == Responses {
		return g.wholeResponse()
	}
	object := ObjectChat
	if g.dialect == Completions {
		object = ObjectCompletion
	}
	out := make([]byte, 0, g.size+1<<10)
	out = append(out, '{')
	if id := g.top.members["id"]; id != nil {
		out = append(id.append(append(out, `"id":`...), ""), ',')
	}
	out = append(append(append(out, `"object":"`...), object...), '"')
	for _, name := range g.top.names {
		if name != "id" && name != "usage" {
			out = g.top.members[name].append(appendMember(out, 0, name), "")
		}
	}
	out = append(out, `,"choices":[`...)
	for i, index := range sortedKeys(g.choices) {
		if i > 0 {
			out = append(out, ',')
		}
		out = g.choices[index].append(out, index, g.dialect)
	}
	out = append(out, ']')
	if usage := g.top.members["usage"]; usage != nil {
		out = usage.append(append(out, `,"usage":`...), "")
	}
	return append(out, '}'), nil
}

// append appends the choice of a whole response.
func (c *gatheredChoice) append(into []byte, index int, name Name) []byte {
	into = fmt.Appendf(into, `{"index":%d`, index)
	if name == Completions {
		into = append(into, `,"text":`...)
		if c.text.json == nil {
			c.text.json = []byte(`""`)
		}
		into = c.text.append(into, "")
	} else {
		into = c.appendMessage(append(into, `,"message":`...))
	}
	for _, known := range []string{"logprobs", "finish_reason"} {
		c.rest.member(known) // null, if no event had one
	}
	for _, name := range c.rest.names {
		if name != "message" {
			into = c.rest.members[name].append(appendMember(into, 0, name), "")
		}
	}
	return append(into, '}')
}

// appendMessage appends the message that the deltas make, or a whole one that was sent in place of
// them. As in OpenAI's own responses the content of a message that only calls or refuses is null.
func (c *gatheredChoice) appendMessage(into []byte) []byte {
	m := &c.delta
	if whole := c.rest.get("message"); m.kind() != '{' && whole.kind() == '{' {
		m = whole
	}
	if m.kind() != '{' {
		m = &gathered{members: map[string]*gathered{}}
	}
	m.open()
	content, calls := m.get("content"), m.get("tool_calls")
	none := calls.isEmpty() && m.get("refusal").isEmpty() && m.get("function_call").isEmpty()
	switch {
	case content.isEmpty() && none:
		content = &gathered{json: []byte(`""`)}
	case content.isEmpty():
		content = new(gathered)
	}
	role := m.get("role")
	if role.isEmpty() {
		role = &gathered{json: []byte(`"assistant"`)}
	}
	into = role.append(append(into, `{"role":`...), "")
	into = content.append(append(into, `,"content":`...), "")
	for _, name := range m.names {
		switch {
		case name == "role" || name == "content":
		case name == "tool_calls" && calls.kind() == '[':
			into = appendList(appendMember(into, 0, name), calls.sorted(), "index")
		default:
			into = m.members[name].append(appendMember(into, 0, name), "")
		}
	}
	return append(into, '}')
}

// isEmpty reports whether a value is null or empty.
func (g *gathered) isEmpty() bool {
	if g.members != nil || g.list != nil {
		return len(g.members)+len(g.list) == 0
	}
	return len(g.json) == 0 || isNothing(g.json)
}

// wholeResponse returns the response of the last event, with the output that came before it if it
// has none itself.
func (g *EventGatherer) wholeResponse() ([]byte, error) {
	if g.response == nil || g.response[0] != '{' {
		return nil, errors.New("gather a response: the last event has none")
	}
	if len(g.items) == 0 {
		return g.response, nil
	}
	empty := true
	eachMember(g.response, func(name string, value []byte) {
		empty = empty && (name != "output" || isNothing(value))
	})
	if !empty {
		return g.response, nil
	}
	var items [][]byte
	for _, index := range sortedKeys(g.items) {
		items = append(items, g.items[index])
	}
	output := slices.Concat([]byte{'['}, bytes.Join(items, []byte{','}), []byte{']'})
	return withMember(g.response, "output", output), nil
}
