package dialect

import (
	"encoding/json"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

// Expectation is what a request may come to, as far as its bytes show it: for limits that must
// hold before anything has been generated. Both numbers are zero or more.
type Expectation struct {
	// PromptTokens is an estimate: of the text alone, a token for every four bytes. Pictures,
	// sounds and files are left out, as their tokens do not follow from their size.
	PromptTokens int
	// MaxTokens is how many tokens the request allows all its completions together; 0 if it sets no
	// limit.
	MaxTokens int
}

// bytesPerToken is how many bytes of text are taken for a token where tokens are not counted.
const bytesPerToken = 4

// EstimateTokens returns about how many tokens a text of that many bytes has: at least 1, unless it
// is empty.
func EstimateTokens(bytes int) int { return (max(0, bytes) + bytesPerToken - 1) / bytesPerToken }

// maxExpected keeps sums and products of what a client writes from overflowing.
const maxExpected = math.MaxInt32

// Expectation reads what the request may come to. It looks at the bytes once, decodes nothing of
// them, and allocates next to nothing; what is wrong with them is left for Parameters to find.
func (r *Request) Expectation() Expectation {
	var e expecting
	if r.fields != nil { // a native request, which may have come as a query
		for name, value := range r.fields {
			e.member(name, &scanner{data: value})
		}
	} else {
		e.body(r.Body)
	}
	completions := min(max(1, r.Choices), maxExpected)
	if n := max(1, e.n); e.bestOf > n { // so many are generated of each prompt, and n of them returned
		completions = min(completions/n*e.bestOf, maxExpected)
	}
	return Expectation{PromptTokens: EstimateTokens(e.text), MaxTokens: min(e.limit*completions, maxExpected)}
}

// Expectation reads what the request may come to, of which MaxTokens is 0.
func (c *EmbeddingCall) Expectation() Expectation {
	var e expecting
	e.body(c.Body)
	return Expectation{PromptTokens: EstimateTokens(e.text)}
}

// expecting adds up an Expectation.
type expecting struct {
	text      int // bytes
	limit     int // tokens of one completion
	n, bestOf int // completions of each prompt; 0 if the request does not say
}

// body reads all members of a request.
func (e *expecting) body(data []byte) {
	s := scanner{data: data}
	for s.enter('{'); s.more('}'); {
		e.member(plainName(s.name()), &s)
	}
	if s.bad { // nested too deeply for the scanner, or no JSON: whatever it is, it is not more
		e.text = len(data)
	}
}

// member reads the value of one top-level member.
func (e *expecting) member(name string, s *scanner) {
	switch name {
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		e.limit = max(e.limit, count(s.skip()))
	case "n":
		e.n = count(s.skip())
	case "best_of":
		e.bestOf = count(s.skip())
	case "messages", "prompt", "input", "instructions", "suffix":
		e.value(s, 0)
	case "tools", "functions", "response_format", "text": // servers write these into the prompt
		e.text += len(s.skip())
	default:
		s.skip()
	}
}

// count returns a number of at least 0; anything else counts as 0.
func count(raw []byte) int {
	var n float64
	if json.Unmarshal(raw, &n) != nil || !(n > 0) {
		return 0
	}
	return int(min(n, maxExpected))
}

// value adds the strings of a value, and a token for each number in a list, as a prompt may be a
// list of tokens.
func (e *expecting) value(s *scanner, depth int) {
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
	case c == '"':
		e.text += len(s.text())
	case c == '[':
		for s.enter('['); s.more(']'); {
			if c := s.peek(); '0' <= c && c <= '9' {
				e.text += bytesPerToken
			}
			e.value(s, depth+1)
		}
	case c == '{':
		for s.enter('{'); s.more('}'); {
			switch plainName(s.name()) {
			case "image_url", "input_image", "input_audio", "file", "file_data", "audio", "image", "url":
				s.skip()
			default:
				e.value(s, depth+1)
			}
		}
	default:
		s.value(depth)
	}
}

// plainName returns a member's name without its escapes.
func plainName(name []byte) string {
	for _, c := range name {
		if c == '\\' {
			plain, _ := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, name...), '"')) // its syntax was checked
			return string(plain)
		}
	}
	return string(name)
}
