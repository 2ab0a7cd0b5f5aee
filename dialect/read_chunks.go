package dialect

import (
	"encoding/json"

	"penstock/sse"
)

// maxChoices bounds how many choices a chunkReader tracks.
const maxChoices = 4096

// chunkReader is the Reader of /v1/chat/completions and /v1/completions, whose events differ only
// inside a choice.
type chunkReader struct {
	dialect  Name
	typed    bool   // deltas have typed values, and not the server's events
	asked    bool   // for the usage, which the client has not: it is taken out
	expected int    // how many choices were requested
	choices  []byte // the state of each choice by its index: choiceUnseen, …
	begun    int
	finished int
	reason   []byte // the last finish_reason
	usage    []byte // the last usage, as JSON

	emitted bool // a typed delta has been appended

	shape   chunkShape
	text    []byte // the string that has content, of the current chunk
	mixed   bool   // more than one value has content, or it is no string
	written int    // bytes of text in all chunks

	noUsage unusedMember // the "usage":null of the current chunk, and of those of its shape
}

// The states of a choice.
const (
	choiceUnseen = iota
	choiceBegun
	choiceFinished
)

func newChunkReader(dialect Name, r *Request, typed bool) *chunkReader {
	// More choices than are tracked end with [DONE] only.
	return &chunkReader{dialect: dialect, typed: typed, expected: min(r.Choices, maxChoices+1)}
}

// Read implements Reader.
func (c *chunkReader) Read(e sse.Event) Sign {
	data := e.Data
	switch {
	case e.Name == (sse.Name{}) && c.shape.matches(data):
		c.written += c.shape.text(data)
		return SignContent
	case len(data) == 0:
		return SignEmpty
	case isDone(data):
		return SignDone
	}
	c.text, c.mixed, c.noUsage = nil, false, unusedMember{}
	s := scanner{data: data}
	sign := SignQuiet
	choices, hasUsage, first := 0, false, true
	for s.enter('{'); ; {
		before := s.at // the end of the member before, or of the brace
		if !s.more('}') {
			break
		}
		c.noUsage.follow(s.at)
		begin, isFirst := s.at, first
		first = false
		switch string(s.name()) {
		case "choices":
			more, of := c.readChoices(&s)
			choices, sign = choices+more, max(sign, of)
		case "error":
			if reportsError(s.skip()) {
				sign = SignError
			}
		case "object":
			if string(s.skip()) == errorObject {
				sign = SignError
			}
		case "usage":
			switch value := s.skip(); {
			case len(value) > 0 && value[0] == '{':
				c.usage, c.mixed, hasUsage = append(c.usage[:0], value...), true, true
			case string(value) == "null":
				c.noUsage.set(before, begin, s.at, isFirst)
			}
		default:
			s.skip()
		}
	}
	return c.classify(e, &s, sign, choices, hasUsage)
}

// readChoices reads the choices of a chunk, and returns how many there are.
func (c *chunkReader) readChoices(s *scanner) (n int, sign Sign) {
	sign = SignQuiet
	if s.peek() != '[' {
		s.skip()
		return 0, sign
	}
	for s.enter('['); s.more(']'); {
		n++
		sign = max(sign, c.choice(s))
	}
	return n, sign
}

// classify returns what a chunk means that s has read, and keeps its shape.
func (c *chunkReader) classify(e sse.Event, s *scanner, sign Sign, choices int, hasUsage bool) Sign {
	c.shape.reset()
	if hasUsage { // a member that comes twice stays as it is
		c.noUsage = unusedMember{}
	}
	switch {
	case !s.over(), choices > maxChoices:
		return SignMalformed
	case sign == SignError || e.Name.String() == "error":
		return SignError
	case endsIn(c.dialect, e): // chunks of a shape differ from this one in their text only
		return SignMalformed
	case c.asked && hasUsage && choices == 0: // it is there for the usage only
		return SignEmpty
	case c.Whole():
		return SignComplete
	}
	if sign == SignContent && !c.mixed && c.text != nil {
		c.shape.set(e.Data, c.text)
		c.noUsage.anchor(len(c.shape.before), len(e.Data))
	}
	return sign
}

// content notes a value that has content.
func (c *chunkReader) content(value []byte) {
	c.mixed = c.mixed || c.text != nil || value[0] != '"'
	c.text = value
	if value[0] == '"' {
		c.written += len(value) - len(`""`)
	} else {
		var e expecting
		e.value(&scanner{data: value}, 0)
		c.written += e.text
	}
}

// choice reads one element of "choices".
func (c *chunkReader) choice(s *scanner) Sign {
	sign, index, finished := SignQuiet, 0, false
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "index":
			index = s.integer()
		case "text":
			if value := s.skip(); hasContent(value) {
				sign = SignContent
				c.content(value)
			}
		case "delta":
			if s.peek() != '{' {
				s.skip()
				continue
			}
			for s.enter('{'); s.more('}'); {
				role := string(s.name()) == "role"
				if value := s.skip(); hasContent(value) && !role {
					sign = SignContent
					c.content(value)
				}
			}
		case "finish_reason":
			if value := s.skip(); len(value) > 2 && value[0] == '"' {
				c.reason, finished = append(c.reason[:0], value[1:len(value)-1]...), true
				sign, c.mixed = SignContent, true
			}
		default:
			s.skip()
		}
	}
	c.count(index, sign == SignContent, finished)
	return sign
}

// count updates the state of a choice. Content after a finish_reason revokes it: that was not the
// end.
func (c *chunkReader) count(index int, content, finished bool) {
	if index < 0 || index >= maxChoices {
		return
	}
	for len(c.choices) <= index {
		c.choices = append(c.choices, choiceUnseen)
	}
	state := &c.choices[index]
	if *state == choiceUnseen {
		*state = choiceBegun
		c.begun++
	}
	switch {
	case finished && *state == choiceBegun:
		*state = choiceFinished
		c.finished++
	case !finished && content && *state == choiceFinished:
		*state = choiceBegun
		c.finished--
	}
}

// Whole implements Reader: every choice has its finish_reason.
func (c *chunkReader) Whole() bool {
	return c.finished >= c.expected && c.finished == c.begun
}

// Trim implements Reader.
func (c *chunkReader) Trim(data []byte) []byte {
	if c.asked && c.noUsage.end > 0 {
		return c.noUsage.cut(data)
	}
	return data
}

// Text implements Reader.
func (c *chunkReader) Text() int { return c.written }

// End implements Reader.
func (c *chunkReader) End() End {
	return End{Reason: string(c.reason), Usage: usageOf(c.usage)}
}

// usageOf reads a usage, which is zero if its numbers make no sense.
func usageOf(raw []byte) (u Usage) {
	if len(raw) > 0 && json.Unmarshal(raw, &u) != nil {
		return Usage{}
	}
	return u
}

// Deltas implements Reader.
func (c *chunkReader) Deltas(into []Delta, e sse.Event) ([]Delta, error) {
	if c.typed {
		return c.typedDeltas(into, e.Data)
	}
	return appendRead(into, c.dialect, e), nil
}
