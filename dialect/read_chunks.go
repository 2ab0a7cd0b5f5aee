package dialect

import (
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
	brings   bool   // some chunk has had content
	reason   []byte // the last finish_reason
	usage    []byte // the last usage, as JSON

	held heldEnd // of typed deltas

	shape   chunkShape
	text    []byte // the string that has content, of the current chunk
	mixed   bool   // more than one value has content, or it is no string
	written int    // bytes of text in all chunks

	cuts  cuts   // of the current chunk, and of those of its shape
	plain []byte // the current chunk without them, if it has a member "error"
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
	c.text, c.mixed = nil, false
	c.cuts.reset()
	s := scanner{data: data}
	sign := SignQuiet
	choices, hasUsage := 0, false
	var plain plainError
	for s.enter('{'); ; {
		before := s.at // the end of the member before, or of the brace
		if !s.more('}') {
			break
		}
		c.cuts.next(before, s.at)
		switch name := s.name(); string(name) {
		case "choices":
			more, of := c.readChoices(&s)
			choices, sign, plain.other = choices+more, max(sign, of), true
		case errorWord:
			switch value := s.skip(); {
			case reportsError(value):
				sign = SignError
			case len(value) > 0:
				c.cuts.add(s.at, false)
			}
		case "usage":
			switch value := s.skip(); {
			case len(value) > 0 && value[0] == '{':
				c.usage, c.mixed, hasUsage = append(c.usage[:0], value...), true, true
			case string(value) == "null" && c.asked:
				c.cuts.add(s.at, true)
			}
		default:
			value := s.skip()
			if string(value) == errorObject && string(name) == "object" {
				sign = SignError
			}
			plain.member(name, value)
		}
	}
	if plain.reports() && !hasUsage {
		sign = SignError
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
		if s.peek() == '{' {
			sign = max(sign, c.choice(s, n))
		} else {
			s.skip()
		}
		n++
	}
	return n, sign
}

// classify returns what a chunk means that s has read, and keeps its shape.
func (c *chunkReader) classify(e sse.Event, s *scanner, sign Sign, choices int, hasUsage bool) Sign {
	c.shape.reset()
	if hasUsage { // a member that comes twice stays as it is
		c.cuts.keepUsage()
	}
	switch {
	case !s.over() && isKeepAlive(e):
		return SignEmpty
	case !s.over(), choices > maxChoices:
		return SignMalformed
	case sign == SignError || e.Name.String() == errorWord:
		return SignError
	}
	checked := e // what is passed on of it
	if c.cuts.errors {
		c.plain = append(c.plain[:0], e.Data...)
		checked.Data = c.cuts.apply(c.plain)
	}
	switch {
	case endsIn(c.dialect, checked): // chunks of a shape differ from this one in their text only
		return SignMalformed
	case c.asked && hasUsage && choices == 0, c.cuts.errors && c.cuts.all(): // it is there for what is taken out only
		return SignEmpty
	case c.brings && c.Whole():
		return SignComplete
	}
	if sign == SignContent && !c.mixed && c.text != nil {
		c.shape.set(e.Data, c.text)
		c.cuts.anchor(len(c.shape.before), len(e.Data))
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

// choice reads one element of "choices", at that position in the list. A finish_reason weighs as
// much as content once there has been some; before, it may be one that comes with every chunk.
func (c *chunkReader) choice(s *scanner, position int) Sign {
	index, content, finished := position, false, false
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "index":
			if n, ok := integer(s.skip()); ok {
				index = n
			}
		case "text":
			content = c.piece(s) || content
		case "delta":
			if s.peek() != '{' {
				content = c.piece(s) || content
				continue
			}
			for s.enter('{'); s.more('}'); {
				if string(s.name()) == "role" {
					s.skip()
				} else {
					content = c.piece(s) || content
				}
			}
		case "finish_reason":
			if value := s.skip(); isFinish(value) {
				c.reason, finished, c.mixed = append(c.reason[:0], value[1:len(value)-1]...), true, true
			}
		default:
			s.skip()
		}
	}
	c.count(index, content, finished)
	if content || finished && c.brings {
		return SignContent
	}
	return SignQuiet
}

// piece reads a value of a choice, and reports whether it has content.
func (c *chunkReader) piece(s *scanner) bool {
	value := s.skip()
	if !hasContent(value) {
		return false
	}
	c.brings = true
	c.content(value)
	return true
}

// isFinish reports whether a finish_reason is one: some servers write the text "null", or "", until
// there is one.
func isFinish(value []byte) bool {
	return len(value) > len(`""`) && value[0] == '"' && string(value) != `"null"`
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
	if !c.cuts.isUsed() {
		return data
	}
	return c.cuts.apply(data)
}

// Text implements Reader.
func (c *chunkReader) Text() int { return c.written }

// End implements Reader.
func (c *chunkReader) End() End {
	return End{Reason: string(c.reason), Usage: usageOf(c.usage)}
}

// Deltas implements Reader.
func (c *chunkReader) Deltas(into []Delta, e sse.Event) ([]Delta, error) {
	if c.typed {
		return c.typedDeltas(into, e.Data)
	}
	return appendRead(into, c.dialect, e), nil
}
