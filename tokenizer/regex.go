package tokenizer

import (
	"fmt"
	"iter"

	"github.com/dlclark/regexp2/v2"
)

// compile compiles an expression of the file. Such expressions use lookahead, which Go's regexp
// lacks.
func compile(expression string) (*regexp2.Regexp, error) {
	re, err := regexp2.Compile(expression, regexp2.OptionMaxBacktrackingStackSize(-1))
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	return re, nil
}

// matches yields the byte offsets of the non-empty matches of re in text, from left to right.
func matches(re *regexp2.Regexp, text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		all, _ := re.FindAllStringIndex(text, -1) // its only errors are exceeded limits on time and stack, and none are set
		for _, m := range all {
			if m[1] > m[0] && !yield(m[0], m[1]) {
				return
			}
		}
	}
}
