package local

import (
	"unicode/utf8"

	"penstock/tokenizer"
)

// segment is a part of a completion's text, with the tokens that begin in it, if log probabilities
// are wanted.
type segment struct {
	text   string
	tokens []chosenToken
}

func (s segment) empty() bool { return s.text == "" && len(s.tokens) == 0 }

// chosenToken is a token of the completion with its log probability and those of the most likely
// tokens.
type chosenToken struct {
	logprob
	top    []logprob
	offset int // characters of the completion before it
	start  int // the same in bytes
}

// textBuilder makes text of tokens: whole characters, and nothing that could turn out to belong to
// a stop string.
type textBuilder struct {
	decoder *tokenizer.StreamDecoder
	stopper *stopper
	unended int // tokens left in whose text no stop string is looked for

	bytes, runes int // decoded so far
	emitted      int // bytes of it that have been returned
	waiting      []chosenToken
}

// newTextBuilder returns the builder of a completion. Stop strings are looked for in the text after
// its first least tokens.
func newTextBuilder(t *tokenizer.Tokenizer, stops []string, least int) *textBuilder {
	return &textBuilder{decoder: t.NewDecoder(), stopper: newStopper(stops), unended: least}
}

// expect records the log probability of the token that is added next.
func (b *textBuilder) expect(l logprob, top []logprob) {
	b.waiting = append(b.waiting, chosenToken{logprob: l, top: top, offset: b.runes, start: b.bytes})
}

// add returns what can be emitted with one more token, and whether a stop string ended the text.
func (b *textBuilder) add(id int64) (s segment, stopped bool) {
	s, stopped = b.take(b.decoder.Push(id))
	b.unended = max(0, b.unended-1)
	return s, stopped
}

// finish returns what was held back, when no more tokens come.
func (b *textBuilder) finish() segment {
	s, stopped := b.take(b.decoder.Flush())
	if !stopped {
		s.text += b.stopper.flush()
		s.tokens, b.waiting = append(s.tokens, b.waiting...), nil
	}
	return s
}

func (b *textBuilder) take(text string) (s segment, stopped bool) {
	b.bytes += len(text)
	b.runes += utf8.RuneCountInString(text)
	if s.text = text; b.unended == 0 {
		s.text, stopped = b.stopper.push(text)
	}
	b.emitted += len(s.text)
	n := 0
	for n < len(b.waiting) && b.waiting[n].start < b.emitted {
		n++
	}
	s.tokens, b.waiting = b.waiting[:n:n], b.waiting[n:]
	return s, stopped
}
