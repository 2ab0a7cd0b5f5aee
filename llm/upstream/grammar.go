package upstream

import (
	"bytes"
	"encoding/json"

	"penstock/dialect"
	"penstock/engine"
)

// sign is what an event means to the relay.
type sign int

const (
	blank    sign = iota // nothing at all: not handed on
	quiet                // handed on, but brings nothing new: a role, a usage, a beginning
	content              // brings something
	complete             // handed on; the answer has all its parts, and more may follow
	last                 // handed on; the end
	done                 // the end: not handed on
	failure              // the server reports an error
	rubbish              // no event of this dialect
)

// grammar understands the events of one kind of stream as far as a relay must. It is for
// one answer.
type grammar interface {
	// read says what an event of that name, which most have not, means. It keeps nothing of its memory.
	read(name, data []byte) sign
	// whole tells whether the answer may end here although nothing said that it does.
	whole() bool
	// end returns how the answer ended, once it has.
	end() engine.End
}

// isDone tells whether an event says that all has been sent.
func isDone(data []byte) bool { return string(bytes.TrimSpace(data)) == "[DONE]" }

// maxChoices bounds how many answers one request may have.
const maxChoices = 4096

// chunks is the grammar of /v1/chat/completions and /v1/completions, whose events differ
// only inside a choice.
type chunks struct {
	n        int    // answers asked for
	choices  []byte // by index: 0 not seen, 1 begun, 2 finished
	begun    int
	finished int
	reason   []byte // the last finish_reason
	usage    []byte // the last usage, as JSON

	like likeness
	text []byte // the string that brought content, of the chunk at hand
	many bool   // more than one did, or something else
}

func (c *chunks) read(name, data []byte) sign {
	switch {
	case len(name) == 0 && c.like.to(data):
		return content
	case len(data) == 0:
		return blank
	case isDone(data):
		return done
	}
	c.text, c.many = nil, false
	s := scanner{data: data}
	meaning := quiet
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "choices":
			if s.peek() != '[' {
				s.skip()
				continue
			}
			for s.enter('['); s.more(']'); {
				meaning = max(meaning, c.choice(&s))
			}
		case "error":
			if accuses(s.skip()) {
				meaning = failure
			}
		case "object":
			if string(s.skip()) == errorObject {
				meaning = failure
			}
		case "usage":
			if value := s.skip(); len(value) > 0 && value[0] == '{' {
				c.usage, c.many = append(c.usage[:0], value...), true
			}
		default:
			s.skip()
		}
	}
	c.like.forget()
	switch {
	case !s.over():
		return rubbish
	case meaning == failure || string(name) == "error":
		return failure
	case c.whole():
		return complete
	}
	if meaning == content && !c.many && c.text != nil {
		c.like.learn(data, c.text)
	}
	return meaning
}

// brings notes a value that brings content.
func (c *chunks) brings(value []byte) {
	c.many = c.many || c.text != nil || value[0] != '"'
	c.text = value
}

// choice reads one element of "choices".
func (c *chunks) choice(s *scanner) sign {
	meaning, index, finished := quiet, 0, false
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "index":
			index = s.integer()
		case "text":
			if value := s.skip(); says(value) {
				meaning = content
				c.brings(value)
			}
		case "delta":
			if s.peek() != '{' {
				s.skip()
				continue
			}
			for s.enter('{'); s.more('}'); {
				role := string(s.name()) == "role"
				if value := s.skip(); says(value) && !role {
					meaning = content
					c.brings(value)
				}
			}
		case "finish_reason":
			if value := s.skip(); len(value) > 2 && value[0] == '"' {
				c.reason, finished = append(c.reason[:0], value[1:len(value)-1]...), true
				meaning, c.many = content, true
			}
		default:
			s.skip()
		}
	}
	c.count(index, meaning == content, finished)
	return meaning
}

// count notes what a choice has come to. Content behind a finish_reason takes it back: that was not the end.
func (c *chunks) count(index int, brought, finished bool) {
	if index < 0 || index >= maxChoices {
		return
	}
	for len(c.choices) <= index {
		c.choices = append(c.choices, 0)
	}
	state := &c.choices[index]
	if *state == 0 {
		*state = 1
		c.begun++
	}
	switch {
	case finished && *state == 1:
		*state = 2
		c.finished++
	case !finished && brought && *state == 2:
		*state = 1
		c.finished--
	}
}

func (c *chunks) whole() bool {
	return c.finished >= c.n && c.finished == c.begun
}

func (c *chunks) end() engine.End {
	var usage dialect.Usage
	if c.usage != nil {
		_ = json.Unmarshal(c.usage, &usage) // whose numbers make no sense counts as nobody's
	}
	return engine.Ended(string(c.reason), engine.Usage{PromptTokens: usage.PromptTokens, CompletionTokens: usage.CompletionTokens})
}

// typedEvents is the grammar of /v1/responses.
type typedEvents struct {
	final []byte // the event that ended the answer
}

func (t *typedEvents) read(name, data []byte) sign {
	switch {
	case len(data) == 0:
		return blank
	case isDone(data): // which OpenAI does not send here, and others do
		return blank
	}
	kind := name
	s := scanner{data: data}
	failed := false
	for s.enter('{'); s.more('}'); {
		switch string(s.name()) {
		case "type":
			if value := s.skip(); len(value) > 2 && value[0] == '"' && len(kind) == 0 {
				kind = value[1 : len(value)-1]
			}
		case "error":
			failed = failed || accuses(s.skip())
		case "object":
			failed = failed || string(s.skip()) == errorObject
		default:
			s.skip()
		}
	}
	if !s.over() {
		return rubbish
	}
	switch string(kind) {
	case "error":
		return failure
	case "":
		if failed {
			return failure
		}
		return rubbish
	case "response.completed", "response.incomplete", "response.failed":
		t.final = bytes.Clone(data)
		return last
	case "response.created", "response.queued", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.reasoning_summary_part.added":
		return quiet
	}
	return content
}

func (t *typedEvents) whole() bool { return false }

func (t *typedEvents) end() engine.End {
	var final struct {
		Response struct {
			Status            string `json:"status"`
			IncompleteDetails struct {
				Reason string `json:"reason"`
			} `json:"incomplete_details"`
			Usage struct {
				InputTokens  int `json:"input_tokens"`
				OutputTokens int `json:"output_tokens"`
			} `json:"usage"`
		} `json:"response"`
	}
	_ = json.Unmarshal(t.final, &final) // as for usage above
	r := final.Response
	reason := engine.ReasonStop
	switch {
	case r.IncompleteDetails.Reason == "max_output_tokens":
		reason = engine.ReasonLength
	case r.IncompleteDetails.Reason != "":
		reason = r.IncompleteDetails.Reason
	case r.Status == "failed":
		reason = r.Status
	}
	return engine.Ended(reason, engine.Usage{PromptTokens: r.Usage.InputTokens, CompletionTokens: r.Usage.OutputTokens})
}
