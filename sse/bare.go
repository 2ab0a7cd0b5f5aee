package sse

import "bytes"

// bareValue is a JSON value that a server has written into the stream as it is, on lines that have
// no field's name, as some do with an error. Clients ignore such lines.
type bareValue struct {
	start, end        int // in the event at hand
	depth             int // of the brackets that are open
	inString, escaped bool
	begun, closed     bool
	alone             bool // nothing is before it in the event
}

// line takes the next line that begins no known field, buf[start:end] of the event.
func (b *bareValue) line(line []byte, start, end int, alone bool) {
	if !b.begun {
		if first := bytes.TrimLeft(line, " \t"); len(first) == 0 || first[0] != '{' && first[0] != '[' {
			return
		}
		*b = bareValue{start: start, begun: true, alone: alone}
	}
	if b.closed {
		return
	}
	b.end = end
	for _, c := range line {
		switch {
		case b.escaped:
			b.escaped = false
		case b.inString:
			b.inString, b.escaped = c != '"', c == '\\'
		case c == '"':
			b.inString = true
		case c == '{', c == '[':
			b.depth++
		case c == '}', c == ']':
			b.depth--
		}
	}
	b.closed = b.depth <= 0
}
