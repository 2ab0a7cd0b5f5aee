package tokenizer

import (
	"cmp"
	"strings"
	"time"
	"unicode"
)

// splitter is a pre-tokenizer: it calls emit for each piece of a text, from left to right. Its
// error is nil or ErrTooSlow, at the deadline.
type splitter func(p piece, deadline time.Time, emit func(piece)) error

func newSplitter(c *component) (splitter, error) {
	if c == nil {
		return whole, nil
	}
	switch c.Type {
	case "Sequence":
		return newSplitters(c.Pretokenizers)
	case "Digits":
		if c.IndividualDigits {
			return splitRunes(isNumber, isolated), nil
		}
		return splitRunes(isNumber, contiguous), nil
	case "BertPreTokenizer":
		return then(splitRunes(unicode.IsSpace, removed), splitRunes(isPunctuation, isolated)), nil
	case "WhitespaceSplit":
		return splitRunes(unicode.IsSpace, removed), nil
	case "Whitespace":
		return splitWords, nil
	case "Punctuation":
		b, err := newBehavior(cmp.Or(c.Behavior, "Isolated"))
		return splitRunes(isPunctuation, b), err
	case "UnicodeScripts":
		return splitScripts, nil
	case "Metaspace":
		return newMetaspace(c)
	case "Split":
		return newPatternSplitter(c)
	case "ByteLevel":
		return newByteLevel(c)
	}
	return nil, unknown(c.Type)
}

func whole(p piece, _ time.Time, emit func(piece)) error {
	emit(p)
	return nil
}

// newSplitters chains steps: each splits the pieces of the previous one.
func newSplitters(steps []*component) (splitter, error) {
	chain := splitter(whole)
	for _, step := range steps {
		next, err := newSplitter(step)
		if err != nil {
			return nil, err
		}
		chain = then(chain, next)
	}
	return chain, nil
}

func then(first, second splitter) splitter {
	return func(p piece, deadline time.Time, emit func(piece)) error {
		var late error
		err := first(p, deadline, func(p piece) {
			if late == nil {
				late = second(p, deadline, emit)
			}
		})
		return cmp.Or(err, late)
	}
}

// gpt2Words matches GPT-2's words, as in encoder.py of github.com/openai/gpt-2.
const gpt2Words = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// newByteLevel splits into GPT-2's words unless use_regex is false, and writes each byte as one
// printable character.
func newByteLevel(c *component) (splitter, error) {
	words := splitter(whole)
	if c.UseRegex == nil || *c.UseRegex {
		re, err := compile(gpt2Words)
		if err != nil {
			return nil, err
		}
		words = splitMatches(re, removed, true) // its matches leave no gaps
	}
	return func(p piece, deadline time.Time, emit func(piece)) error {
		if c.AddPrefixSpace != nil && *c.AddPrefixSpace && !strings.HasPrefix(p.text, " ") {
			p = p.after(" ")
		}
		return words(p, deadline, func(p piece) { emit(piece{toByteChars(p.text), p.first}) })
	}, nil
}
