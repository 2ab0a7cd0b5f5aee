package local

import (
	"unicode/utf8"

	"penstock/tokenizer"
)

// piece is what an answer goes on with: text, and the tokens it was made of where likelihoods are asked for.
type piece struct {
	text   string
	tokens []chosenToken
}

func (p piece) empty() bool { return p.text == "" && len(p.tokens) == 0 }

// chosenToken is a token of the answer with its likelihood and its rivals'.
type chosenToken struct {
	likelihood
	top    []likelihood
	offset int // characters of the answer before it
	start  int // the same in bytes
}

// answer makes text of tokens: whole characters, and nothing that might yet turn out to be a stop string.
type answer struct {
	decoder *tokenizer.StreamDecoder
	stopper *stopper

	bytes, runes int // decoded so far
	shown        int // bytes of it that were given out
	waiting      []chosenToken
}

func newAnswer(t *tokenizer.Tokenizer, stops []string) *answer {
	return &answer{decoder: t.NewDecoder(), stopper: newStopper(stops)}
}

// expect notes the likelihood of the token that is added next.
func (a *answer) expect(l likelihood, top []likelihood) {
	a.waiting = append(a.waiting, chosenToken{likelihood: l, top: top, offset: a.runes, start: a.bytes})
}

// add returns what can be shown with one more token, and whether a stop string ended the answer.
func (a *answer) add(id int64) (p piece, stopped bool) {
	return a.show(a.decoder.Push(id))
}

// finish returns what was held back, when the model is at its end.
func (a *answer) finish() piece {
	p, stopped := a.show(a.decoder.Flush())
	if !stopped {
		p.text += a.stopper.flush()
		p.tokens, a.waiting = append(p.tokens, a.waiting...), nil
	}
	return p
}

func (a *answer) show(text string) (p piece, stopped bool) {
	a.bytes += len(text)
	a.runes += utf8.RuneCountInString(text)
	p.text, stopped = a.stopper.push(text)
	a.shown += len(p.text)
	n := 0
	for n < len(a.waiting) && a.waiting[n].start < a.shown {
		n++
	}
	p.tokens, a.waiting = a.waiting[:n:n], a.waiting[n:]
	return p, stopped
}
