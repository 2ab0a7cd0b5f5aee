package dialect

import (
	"bytes"
	"encoding/json"
	"strings"

	"penstock/sse"
)

// errorObject is the member "object" of an error without an envelope, as vLLM writes it.
const errorObject = `"error"`

// reportsError reports whether the value of a member "error" says that something went wrong. Some
// servers send the member with every event: null, or an object whose members are all null or empty.
func reportsError(value []byte) bool {
	s := scanner{data: value}
	return !s.isNothing(0)
}

// isNothing reads any value and reports whether it is null, false, 0 or empty, or holds nothing but
// such values.
func (s *scanner) isNothing(depth int) bool {
	nothing := true
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
		return false
	case c == '{':
		for s.enter('{'); s.more('}'); {
			s.name()
			nothing = s.isNothing(depth+1) && nothing
		}
	case c == '[':
		for s.enter('['); s.more(']'); {
			nothing = s.isNothing(depth+1) && nothing
		}
	default:
		switch value := s.skip(); {
		case len(value) == 0, value[0] == 't':
			nothing = len(value) == 0
		case value[0] == '"':
			nothing = len(value) == len(`""`)
		case value[0] == '-', '0' <= value[0] && value[0] <= '9':
			digits, _, _ := bytes.Cut(bytes.ToLower(value), []byte("e"))
			nothing = !bytes.ContainsAny(digits, "123456789")
		}
	}
	return nothing
}

// raisesError reports whether a client would take the value of a member "error" for an error. Most
// look at little more than whether there is one.
func raisesError(value []byte) bool {
	if len(value) == 0 || value[0] == 'n' || value[0] == 'f' {
		return false
	}
	return hasContent(value) || value[0] != '"' && value[0] != '{' && value[0] != '['
}

// plainError finds out, member by member, whether an object is an error without an envelope, as
// {"detail":"Not Found"} or {"code":429,"message":"too many requests"}. An object with members that
// an event or a response has is none, and neither is news of progress.
type plainError struct{ worded, other bool }

// member notes a member of the object.
func (p *plainError) member(name, value []byte) {
	switch string(name) {
	case "message", "detail", "msg", "error_msg", "error_message":
		p.worded = p.worded || hasContent(value)
	case "id", "object", "created", "model", "choices", "usage", "delta", "response", "item", "output",
		"data", "text", "content", "response_id", "sequence_number":
		p.other = true
	case "type", "event", "status":
		p.other = p.other || isProgress(value)
	case "code":
		p.other = p.other || len(value) > 0 && value[0] != 'n' && !reportsError(value) || string(value) == "200"
	}
}

// reports reports whether the members were those of an error.
func (p *plainError) reports() bool { return p.worded && !p.other }

// isProgress reports whether a type or a status is that of an event that reports no error.
func isProgress(value []byte) bool {
	kind := strings.ToLower(string(value))
	for _, word := range []string{
		"ping", "keep", "heart", "progress", "queue", "pending", "start", "load", "wait", "process",
		"info", "log", "status", "success", `"ok"`, "200", "202",
	} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

// isKeepAlive reports whether an event whose data is no JSON only keeps the connection open, by its
// name. Clients would fail on it.
func isKeepAlive(e sse.Event) bool {
	switch strings.ToLower(e.Name.String()) {
	case "keepalive", "keep-alive", "keep_alive", "ping", "heartbeat":
		return true
	}
	return false
}

// ReportsError reports whether the body of a successful HTTP response is an error object all the
// same. Its error says why the body is not JSON.
func ReportsError(body []byte) (bool, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(unlisted(body), &members); err != nil {
		return false, err
	}
	var plain plainError
	for name, value := range members {
		plain.member([]byte(name), value)
	}
	object, failed := string(members["object"]), members["error"]
	// A whole response of /v1/responses has a member "error" too.
	return object == errorObject || len(failed) > 0 && reportsError(failed) && object != `"response"` || plain.reports(), nil
}

// WithoutError returns the body of a successful response without a member "error" that reports
// none, in the same memory. A response of /v1/responses keeps its null, which OpenAI sends too.
func WithoutError(body []byte) []byte {
	if !bytes.Contains(body, []byte(`"`+errorWord+`"`)) {
		return body
	}
	var c cuts
	isResponse := false
	s := scanner{data: body}
	for s.enter('{'); ; {
		before := s.at
		if !s.more('}') {
			break
		}
		c.next(before, s.at)
		switch name, value := string(s.name()), s.skip(); {
		case name == errorWord && len(value) > 0 && !reportsError(value):
			c.add(s.at, false)
		case name == "object":
			isResponse = string(value) == `"response"`
		}
	}
	if !s.over() || isResponse {
		return body
	}
	return c.apply(body)
}

// unlisted returns the object that some servers (Google's) write an error as, inside of a list.
func unlisted(body []byte) []byte {
	var list []json.RawMessage
	if inner := bytes.TrimSpace(body); len(inner) > 0 && inner[0] == '[' && json.Unmarshal(body, &list) == nil && len(list) == 1 {
		return list[0]
	}
	return body
}
