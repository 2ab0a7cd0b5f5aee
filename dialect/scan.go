package dialect

import "bytes"

// scanner reads JSON for what a relay must know of each chunk, in one pass that allocates nothing,
// and checks its syntax (RFC 8259; like encoding/json it accepts invalid UTF-8). Names of members
// are compared without decoding their escapes, which no server writes. Once bad is set, every
// method returns at once.
type scanner struct {
	data  []byte
	at    int
	first bool // no element of the innermost object or array has been read
	bad   bool
}

// maxDepth is how deeply values may be nested.
const maxDepth = 200

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek returns the first byte of the next token, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.bad || s.at >= len(s.data) {
		return 0
	}
	return s.data[s.at]
}

func (s *scanner) fail() {
	s.bad = true
	s.at = len(s.data)
}

// enter reads the bracket that opens an object or an array.
func (s *scanner) enter(open byte) {
	if s.peek() != open {
		s.fail()
		return
	}
	s.at++
	s.first = true
}

// more reports whether another element follows, and reads up to it; after the last one it reads the
// closing bracket.
func (s *scanner) more(closing byte) bool {
	c := s.peek()
	first := s.first
	s.first = false
	switch {
	case c == closing:
		s.at++
		return false
	case first && c != 0:
		return true
	case c == ',':
		s.at++
		if c := s.peek(); c != closing && c != 0 {
			return true
		}
	}
	s.fail()
	return false
}

// name reads a member's name and its colon.
func (s *scanner) name() []byte {
	name := s.text()
	if s.peek() != ':' {
		s.fail()
		return nil
	}
	s.at++
	return name
}

// text reads a string and returns what is between its quotes, with its escapes.
func (s *scanner) text() []byte {
	if s.peek() != '"' {
		s.fail()
		return nil
	}
	begin := s.at + 1
	for i := begin; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return s.data[begin:i]
		case c < ' ':
			s.fail()
			return nil
		case c == '\\':
			i++
			if i < len(s.data) && s.data[i] == 'u' {
				for range 4 {
					if i++; i >= len(s.data) || !isHex(s.data[i]) {
						s.fail()
						return nil
					}
				}
			} else if i >= len(s.data) || !isEscape(s.data[i]) {
				s.fail()
				return nil
			}
		}
	}
	s.fail()
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isEscape(c byte) bool {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	}
	return false
}

// skip reads any value and returns its JSON.
func (s *scanner) skip() []byte {
	s.space()
	begin := s.at
	s.value(0)
	if s.bad {
		return nil
	}
	return s.data[begin:s.at]
}

func (s *scanner) value(depth int) {
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
	case c == '"':
		s.text()
	case c == '{':
		for s.enter('{'); s.more('}'); {
			s.name()
			s.value(depth + 1)
		}
	case c == '[':
		for s.enter('['); s.more(']'); {
			s.value(depth + 1)
		}
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	default:
		s.number()
	}
}

func (s *scanner) literal(word string) {
	if len(s.data)-s.at < len(word) || string(s.data[s.at:s.at+len(word)]) != word {
		s.fail()
		return
	}
	s.at += len(word)
}

func (s *scanner) number() {
	if s.peek() == '-' {
		s.at++
	}
	switch whole := s.digits(); {
	case whole == 0, whole > 1 && s.data[s.at-whole] == '0':
		s.fail()
		return
	}
	if s.at < len(s.data) && s.data[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			s.fail()
			return
		}
	}
	if s.at < len(s.data) && s.data[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.data) && (s.data[s.at] == '+' || s.data[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			s.fail()
		}
	}
}

func (s *scanner) digits() (n int) {
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		s.at++
		n++
	}
	return n
}

// integer returns an integer of at most nine digits, also one with a fraction of zeros or in
// quotes, and -1 for any other value. ok is false for null.
func integer(raw []byte) (n int, ok bool) {
	if string(raw) == "null" {
		return 0, false
	}
	if len(raw) > 2 && raw[0] == '"' {
		raw = raw[1 : len(raw)-1]
	}
	whole, fraction, _ := bytes.Cut(raw, []byte("."))
	if len(whole) == 0 || len(whole) > 9 || len(bytes.Trim(fraction, "0")) > 0 {
		return -1, true
	}
	for _, c := range whole {
		if c < '0' || c > '9' {
			return -1, true
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// over reports whether all of data has been read, and is valid.
func (s *scanner) over() bool {
	return !s.bad && s.peek() == 0 && s.at == len(s.data)
}

// hasContent reports whether a value is a string, an object or an array that is not empty.
func hasContent(value []byte) bool {
	if len(value) < 2 {
		return false
	}
	switch value[0] {
	case '"':
		return len(value) > 2
	case '[', '{':
		s := scanner{data: value, at: 1}
		c := s.peek()
		return c != ']' && c != '}'
	}
	return false
}
