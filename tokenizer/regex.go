package tokenizer

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// ErrTooSlow is the error of a text on which the regular expressions of tokenizer.json take too
// long: those with nested repetitions can take time that is exponential in the length of a text.
var ErrTooSlow = errors.New("the tokenizer's regular expressions take too long on this text")

// matchLimit is how long all expressions together may take on one text. The last search for a match
// may take as long again. With those of real models a megabyte takes half a second on an idle
// machine, the merges of its words included.
const matchLimit = 5 * time.Second

// compile compiles an expression of the file. Such expressions use lookahead, which Go's regexp
// lacks.
func compile(expression string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(expression, regexp2.OptionMaxBacktrackingStackSize(-1))
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	re.MatchTimeout = matchLimit // of one search
	return re, nil
}

// matches calls yield with the byte offsets of each match of re in text, from left to right. An
// empty match at the end of the last one is no match. Its error is nil or ErrTooSlow.
func matches(re *regexp2.Regexp, text string, deadline time.Time, yield func(start, end int)) error {
	var (
		characters   = []rune(text)
		passed, size int // characters up to the last offset, and their bytes
		late         bool
	)
	offset := func(index int) int {
		if len(characters) == len(text) {
			return index
		}
		for ; passed < index; passed++ {
			size += utf8.RuneLen(characters[passed])
		}
		return size
	}
	last := -1 // the end of the last match
	err := re.FindRunesMatches(characters, -1, func(m regexp2.MatchView) bool {
		if index, length, _ := m.GroupRange(0); length > 0 || index != last {
			start := offset(index)
			yield(start, offset(index+length))
			last = index + length
		}
		late = time.Now().After(deadline)
		return !late
	})
	if late || err != nil { // its only error is that of MatchTimeout, which holds the whole text
		return ErrTooSlow
	}
	return nil
}
