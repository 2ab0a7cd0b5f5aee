package tokenizer

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// eachRune makes a rewrite of a function that replaces single characters. A negative result removes
// the character.
func eachRune(change func(rune) rune) rewrite {
	return func(p piece, _ time.Time) (piece, error) {
		return p.changed(func(text string) string { return strings.Map(change, text) }), nil
	}
}

// newBertNormalizer cleans a text as BERT's own tokenization.py does.
func newBertNormalizer(c *component) rewrite {
	var steps []rewrite
	if c.CleanText {
		steps = append(steps, eachRune(clean))
	}
	if c.ChineseChars {
		steps = append(steps, quick(spaceHan))
	}
	stripAccents := c.Lowercase
	if c.StripAccents != nil {
		stripAccents = *c.StripAccents
	}
	if stripAccents {
		steps = append(steps, quick(normalForm(norm.NFD)), eachRune(withoutAccents))
	}
	if c.Lowercase {
		steps = append(steps, quick(lower))
	}
	return inOrder(steps...)
}

// clean removes control characters and makes white space a space.
func clean(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return ' '
	case r == 0, unicode.Is(controls, r):
		return -1
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

// spaceHan puts spaces around each Chinese character.
func spaceHan(text string) string {
	if strings.IndexFunc(text, isHan) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isHan(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isHan reports whether r is in BERT's blocks of Chinese characters.
func isHan(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF ||
		r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

func isNumber(r rune) bool { return unicode.Is(numbers, r) }

func withoutAccents(r rune) rune {
	if unicode.Is(accents, r) {
		return -1
	}
	return r
}

func withoutMarks(r rune) rune {
	if unicode.Is(marks, r) {
		return -1
	}
	return r
}

// forTranslation is SentencePiece's nmt rule: it removes controls and makes rare spaces a space.
func forTranslation(r rune) rune {
	switch {
	case r >= 1 && r <= 8, r == 0x0B, r >= 0x0E && r <= 0x1F, r == 0x7F, r == 0x8F, r == 0x9F:
		return -1
	case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, r >= 0x200B && r <= 0x200F,
		r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == utf8.RuneError:
		return ' '
	}
	return r
}

func strip(left, right bool) rewrite {
	return func(p piece, _ time.Time) (piece, error) {
		if left {
			rest := strings.TrimLeftFunc(p.text, unicode.IsSpace)
			p = p.part(len(p.text)-len(rest), len(p.text))
		}
		if right {
			p = p.part(0, len(strings.TrimRightFunc(p.text, unicode.IsSpace)))
		}
		return p, nil
	}
}

// isPunctuation takes ASCII's symbols for punctuation, too.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.Is(punctuation, r)
}

// splitWords splits into runs of the characters of words, and runs of others but white space.
func splitWords(p piece, _ time.Time, emit func(piece)) error {
	const space, word, other = 0, 1, 2
	start, kind := 0, space
	for at, r := range p.text {
		now := other
		switch {
		case unicode.IsSpace(r):
			now = space
		case unicode.Is(wordCharacters, r):
			now = word
		}
		if now != kind {
			if kind != space {
				emit(p.part(start, at))
			}
			start, kind = at, now
		}
	}
	if kind != space {
		emit(p.part(start, len(p.text)))
	}
	return nil
}
