package tokenizer

import (
	"fmt"
	"iter"

	"github.com/dlclark/regexp2/v2"
)

// compile compiles an expression of the file's. They use lookahead, which Go's regexp doesn't have.
func compile(expression string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(expression, regexp2.OptionMaxBacktrackingStackSize(-1))
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	return re, nil
}

// matches yields the byte offsets of the matches of re in text, from left to right, empty ones left out.
func matches(re *regexp2.Regexp, text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		all, _ := re.FindAllStringIndex(text, -1) // its errors are for limits in time and stack: there are none
		for _, m := range all {
			if m[1] > m[0] && !yield(m[0], m[1]) {
				return
			}
		}
	}
}
