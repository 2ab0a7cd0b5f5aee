package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is found in the text before anything else is done.
type addedToken struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // does not match inside a word
	LStrip     bool   `json:"lstrip"`      // includes the white space before it
	RStrip     bool   `json:"rstrip"`      // includes the white space after it
	Normalized bool   `json:"normalized"`  // matches the normalised text
	Special    bool   `json:"special"`
}

// cutter finds added tokens in a text: the leftmost match, and of several the longest.
type cutter struct {
	byFirst [256][]addedToken // by first byte, the longest first
	filled  bool
}

func (c *cutter) add(token addedToken) {
	if token.Content == "" {
		return
	}
	first := token.Content[0]
	same := append(c.byFirst[first], token)
	slices.SortStableFunc(same, func(a, b addedToken) int { return len(b.Content) - len(a.Content) })
	c.byFirst[first], c.filled = same, true
}

// cut calls token for each added token in p and rest for each piece between them, from left to
// right. Special tokens match only if parseSpecial is set.
func (c *cutter) cut(p piece, parseSpecial bool, token func(id int64), rest func(piece)) {
	text := p.text
	done := 0 // the text before this offset has been passed on
	for at := 0; c.filled && at < len(text); {
		found, ok := c.match(text, at, parseSpecial)
		if !ok {
			at++
			continue
		}
		start, end := at, at+len(found.Content)
		if found.LStrip {
			start = done + len(strings.TrimRightFunc(text[done:start], unicode.IsSpace))
		}
		if found.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		if start > done {
			rest(p.part(done, start))
		}
		token(found.ID)
		done, at = end, end
	}
	if done < len(text) {
		rest(p.part(done, len(text)))
	}
}

func (c *cutter) match(text string, at int, parseSpecial bool) (addedToken, bool) {
	for _, a := range c.byFirst[text[at]] {
		if !strings.HasPrefix(text[at:], a.Content) || a.Special && !parseSpecial {
			continue
		}
		if a.SingleWord && touchesWord(text[:at], text[at+len(a.Content):]) {
			continue
		}
		return a, true
	}
	return addedToken{}, false
}

// touchesWord reports whether before ends, or after begins, with a character of a word.
func touchesWord(before, after string) bool {
	left, _ := utf8.DecodeLastRuneInString(before)
	right, _ := utf8.DecodeRuneInString(after)
	return before != "" && inWord(left) || after != "" && inWord(right)
}

func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic)
}
