package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// splitter is a pre-tokenizer: it calls emit for each piece of a text, from left to right. Its
// error is nil or ErrTooSlow, at the deadline.
type splitter func(text string, deadline time.Time, emit func(piece string)) error

func newSplitter(c *component) (splitter, error) {
	if c == nil {
		return whole, nil
	}
	switch c.Type {
	case "Sequence":
		return newSplitters(c.Pretokenizers)
	case "Digits":
		if !c.IndividualDigits {
			return nil, errors.New("a Digits step without individual_digits is not supported")
		}
		return splitDigits, nil
	case "Split":
		return newPatternSplitter(c)
	case "ByteLevel":
		return newByteLevel(c)
	}
	return nil, unknown(c.Type)
}

func whole(text string, _ time.Time, emit func(string)) error {
	emit(text)
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
	return func(text string, deadline time.Time, emit func(string)) error {
		var late error
		err := first(text, deadline, func(piece string) {
			if late == nil {
				late = second(piece, deadline, emit)
			}
		})
		return cmp.Or(err, late)
	}
}

// splitDigits makes every digit (Unicode category N) a piece of its own.
func splitDigits(text string, _ time.Time, emit func(string)) error {
	for text != "" {
		n := strings.IndexFunc(text, unicode.IsNumber)
		switch n {
		case -1:
			n = len(text)
		case 0:
			_, n = utf8.DecodeRuneInString(text)
		}
		emit(text[:n])
		text = text[n:]
	}
	return nil
}

// newPatternSplitter splits by a regular expression.
func newPatternSplitter(c *component) (splitter, error) {
	if c.Pattern.Regex == nil {
		return nil, errors.New("a Split without a Regex pattern is not supported")
	}
	re, err := compile(*c.Pattern.Regex)
	if err != nil {
		return nil, fmt.Errorf("its Split: %w", err)
	}
	switch c.Behavior {
	case "Isolated":
		return splitAt(re, true, true), nil
	case "Removed":
		return splitAt(re, c.Invert, !c.Invert), nil
	}
	return nil, fmt.Errorf("a Split with behavior %q is not supported", c.Behavior)
}

// splitAt emits the matches of re, the text between them, or both.
func splitAt(re *regexp2.Regexp, keepMatches, keepRest bool) splitter {
	return func(text string, deadline time.Time, emit func(string)) error {
		done := 0
		err := matches(re, text, deadline, func(start, end int) {
			if keepRest && start > done {
				emit(text[done:start])
			}
			if keepMatches {
				emit(text[start:end])
			}
			done = end
		})
		if keepRest && done < len(text) {
			emit(text[done:])
		}
		return err
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
		words = splitAt(re, true, false) // its matches leave no gaps
	}
	return func(text string, deadline time.Time, emit func(string)) error {
		if c.AddPrefixSpace && !strings.HasPrefix(text, " ") {
			text = " " + text
		}
		return words(text, deadline, func(word string) { emit(toByteChars(word)) })
	}, nil
}
