package dialect

import (
	"bytes"
	"errors"
	"fmt"

	"penstock/sse"
)

// response adds the events of a whole response of /v1/responses.
func (sp *spreading) response(response []byte) error {
	members := valuesOf(response)
	status, output := members["status"], members["output"]
	last := "response.completed"
	switch string(status) {
	case `"incomplete"`, `"failed"`:
		last = "response." + string(bytes.Trim(status, `"`))
	case `"cancelled"`:
		last = "response.incomplete"
	case `"in_progress"`, `"queued"`:
		return fmt.Errorf("read a whole response: its status is %s", status)
	}
	if output == nil || output[0] != '[' {
		return errors.New("read a whole response: it has no output")
	}
	e := &spreadEvents{sp: sp}
	begun := replaced(response, map[string]string{
		"status": `"in_progress"`, "output": "[]", "usage": "null", "error": "null", "incomplete_details": "null", "completed_at": "null",
	}, "output_text")
	e.add("response.created", `"response":%s`, begun)
	e.add("response.in_progress", `"response":%s`, begun)
	eachElement(output, func(item []byte) {
		if item[0] == '{' {
			e.item(item)
			e.position.output++
		}
	})
	e.add(last, `"response":%s`, response)
	return nil
}

// spreadEvents makes the numbered events of one response.
type spreadEvents struct {
	sp       *spreading
	sequence int
	id       []byte // of the current item, JSON
	position struct{ output, part int }
}

// add adds an event with further members.
func (e *spreadEvents) add(name, format string, args ...any) {
	data := fmt.Appendf(nil, `{"type":%q,"sequence_number":%d,`, name, e.sequence)
	data = append(fmt.Appendf(data, format, args...), '}')
	e.sp.events = append(e.sp.events, sse.Event{Name: sse.MustName(name), Data: data})
	e.sequence++
}

// about adds an event about the current item.
func (e *spreadEvents) about(name, format string, args ...any) {
	head := fmt.Sprintf(`"item_id":%s,"output_index":%d`, e.id, e.position.output)
	e.add(name, "%s,%s", head, fmt.Appendf(nil, format, args...))
}

// argument is the member of an item that a stream brings in pieces, and the name of its events.
type argument struct{ member, event string }

// argumentOf returns that of an item of that type, JSON.
func argumentOf(kind []byte) (a argument, ok bool) {
	switch string(kind) {
	case `"function_call"`:
		return argument{"arguments", "response.function_call_arguments"}, true
	case `"mcp_call"`:
		return argument{"arguments", "response.mcp_call_arguments"}, true
	case `"custom_tool_call"`:
		return argument{"input", "response.custom_tool_call_input"}, true
	case `"code_interpreter_call"`:
		return argument{"code", "response.code_interpreter_call_code"}, true
	}
	return argument{}, false
}

// item adds the events of an item of the output. Items of other types come in one piece.
func (e *spreadEvents) item(item []byte) {
	members := valuesOf(item)
	e.id = []byte(`""`)
	if id := members["id"]; len(id) > 0 && id[0] == '"' {
		e.id = id
	}
	begun := map[string]string{"status": `"in_progress"`}
	kind := members["type"]
	argument, hasArgument := argumentOf(kind)
	hasArgument = hasArgument && isString(members[argument.member])
	inParts := string(kind) == `"message"` || string(kind) == `"reasoning"`
	switch {
	case hasArgument:
		begun[argument.member] = `""`
	case inParts:
		begun["content"], begun["summary"] = "[]", "[]"
	}
	e.add("response.output_item.added", `"output_index":%d,"item":%s`, e.position.output, replaced(item, begun, ""))
	switch {
	case hasArgument:
		value := members[argument.member]
		e.about(argument.event+".delta", `"delta":%s`, value)
		named := []byte{}
		if name := members["name"]; isString(name) {
			named = append(append(named, `"name":`...), append(name[:len(name):len(name)], ',')...)
		}
		e.about(argument.event+".done", `%s%q:%s`, named, argument.member, value)
	case inParts:
		e.parts(members["summary"], (*spreadEvents).summary)
		e.parts(members["content"], (*spreadEvents).part)
	}
	e.add("response.output_item.done", `"output_index":%d,"item":%s`, e.position.output, item)
}

// parts adds the events of each object in a list, if it is one.
func (e *spreadEvents) parts(list []byte, add func(*spreadEvents, []byte)) {
	e.position.part = 0
	if len(list) == 0 || list[0] != '[' {
		return
	}
	eachElement(list, func(part []byte) {
		if part[0] == '{' {
			add(e, part)
			e.position.part++
		}
	})
}

// part adds the events of a part of a content.
func (e *spreadEvents) part(part []byte) {
	members := valuesOf(part)
	position := fmt.Sprintf(`"content_index":%d`, e.position.part)
	e.about("response.content_part.added", "%s,\"part\":%s", position,
		replaced(part, map[string]string{"text": `""`, "refusal": `""`, "annotations": "[]", "logprobs": "[]"}, ""))
	text, refusal := members["text"], members["refusal"]
	switch kind := string(members["type"]); {
	case kind == `"refusal"` && isString(refusal):
		e.about("response.refusal.delta", `%s,"delta":%s`, position, refusal)
		e.about("response.refusal.done", `%s,"refusal":%s`, position, refusal)
	case kind == `"reasoning_text"` && isString(text):
		e.about("response.reasoning_text.delta", `%s,"delta":%s`, position, text)
		e.about("response.reasoning_text.done", `%s,"text":%s`, position, text)
	case isString(text):
		logprobs := []byte("[]")
		if l := members["logprobs"]; len(l) > 0 && l[0] == '[' {
			logprobs = l
		}
		e.about("response.output_text.delta", `%s,"delta":%s,"logprobs":%s`, position, text, logprobs)
		e.annotations(members["annotations"], position)
		e.about("response.output_text.done", `%s,"text":%s,"logprobs":%s`, position, text, logprobs)
	}
	e.about("response.content_part.done", `%s,"part":%s`, position, part)
}

// annotations adds an event for each annotation of a text.
func (e *spreadEvents) annotations(list []byte, position string) {
	if len(list) == 0 || list[0] != '[' {
		return
	}
	i := 0
	eachElement(list, func(value []byte) {
		e.about("response.output_text.annotation.added", `%s,"annotation_index":%d,"annotation":%s`, position, i, value)
		i++
	})
}

// summary adds the events of a part of a reasoning's summary.
func (e *spreadEvents) summary(part []byte) {
	text := valuesOf(part)["text"]
	position := fmt.Sprintf(`"summary_index":%d`, e.position.part)
	e.about("response.reasoning_summary_part.added", `%s,"part":%s`, position, replaced(part, map[string]string{"text": `""`}, ""))
	if isString(text) {
		e.about("response.reasoning_summary_text.delta", `%s,"delta":%s`, position, text)
		e.about("response.reasoning_summary_text.done", `%s,"text":%s`, position, text)
	}
	e.about("response.reasoning_summary_part.done", `%s,"part":%s`, position, part)
}

// valuesOf returns the values of a valid object by their names.
func valuesOf(object []byte) map[string][]byte {
	values := map[string][]byte{}
	eachMember(object, func(name string, value []byte) { values[name] = value })
	return values
}

func isString(value []byte) bool { return len(value) > 1 && value[0] == '"' }

// replaced returns an object with the values of some of its members replaced, and without one.
func replaced(object []byte, with map[string]string, without string) []byte {
	out := []byte{'{'}
	eachMember(object, func(name string, value []byte) {
		if new, ok := with[name]; ok {
			value = []byte(new)
		}
		if without == "" || name != without {
			out = append(appendMember(out, 1, name), value...)
		}
	})
	return append(out, '}')
}
