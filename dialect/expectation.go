package dialect

import (
	"bytes"
	"math"
	"strconv"
)

// bytesPerToken is what a token of text has in the mean, as estimates take it: about what the
// tokenizers of today's models make of English.
const bytesPerToken = 4

// Expectation is what a request may come to in tokens, as far as that shows before it has run.
type Expectation struct {
	PromptTokens int // estimated from the texts of the request
	MaxTokens    int // how many it lets the model write, in all choices together; 0: it sets no limit
}

// Expectation returns what the request may come to, without reading it strictly. For requests of a
// codec outside this package it counts what it finds by OpenAI's names.
func (r *Request) Expectation() Expectation {
	var w wish
	if r.fields != nil { // a native request, which may have come as a query
		for name, value := range r.fields {
			w.note(name, value)
		}
	} else {
		w = r.wishes()
	}
	return w.expectation(r.Choices)
}

// Expectation returns what the request may come to, as Request.Expectation does.
func (c *Call) Expectation() Expectation {
	w := c.wishes()
	return w.expectation(1)
}

func (c *Call) wishes() wish {
	body, err := c.OwnBody()
	if err != nil { // it is refused before it costs anything
		return wish{}
	}
	return body.wish
}

// EstimateTokens returns about how many tokens so many bytes of text are.
func EstimateTokens(textBytes int) int { return (textBytes + bytesPerToken - 1) / bytesPerToken }

// wish is what a request's members say about its size.
type wish struct {
	texts     [][]byte // members that hold text, JSON
	maxTokens int
}

// note notes what a member means. Its value is valid JSON, and is kept.
func (w *wish) note(name string, value []byte) {
	switch name {
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		if n, err := strconv.ParseFloat(string(value), 64); err == nil { // servers may take 1e3 for a number
			w.maxTokens = max(w.maxTokens, int(min(max(n, 0), math.MaxInt32)))
		}
	case "messages", "prompt", "input", "instructions", "tools", "functions", "response_format", "text", "suffix":
		w.texts = append(w.texts, value)
	}
}

func (w *wish) expectation(choices int) Expectation {
	text := 0
	for _, value := range w.texts {
		s := scanner{data: value}
		text += s.texts(0)
	}
	limit := float64(w.maxTokens) * float64(max(1, choices))
	return Expectation{PromptTokens: EstimateTokens(text), MaxTokens: int(min(limit, math.MaxInt32))}
}

// texts reads any value and returns how many bytes of text its strings have. Pictures and sounds in
// base64 are no text. A number in an array counts as one token: it is mostly the id of one.
func (s *scanner) texts(depth int) (n int) {
	switch c := s.peek(); {
	case depth > maxDepth:
		s.fail()
	case c == '"':
		if text := s.text(); !isDataURL(text) {
			n = len(text)
		}
	case c == '{':
		for s.enter('{'); s.more('}'); {
			name := string(s.name())
			of := s.texts(depth + 1)
			if name != "data" && name != "image" { // of input_audio, and of an embedding's input
				n += of
			}
		}
	case c == '[':
		for s.enter('['); s.more(']'); {
			if c := s.peek(); '0' <= c && c <= '9' {
				n += bytesPerToken
			}
			n += s.texts(depth + 1)
		}
	default:
		s.value(depth)
	}
	return n
}

// isDataURL reports whether a string is a data URL in base64.
func isDataURL(text []byte) bool {
	const longest = 200 // of what stands before the data: a media type and its parameters
	return bytes.HasPrefix(text, []byte("data:")) && bytes.Contains(text[:min(len(text), longest)], []byte(";base64,"))
}
