package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// hinted is an error that knows what was probably meant.
type hinted struct {
	error
	meant string
}

// oneOf checks that text is one of a few words.
func oneOf(text string, words ...string) error {
	if slices.Contains(words, text) {
		return nil
	}
	err := errors.New("must be " + either(words))
	if word, ok := nearest(text, words); ok {
		return hinted{err, strconv.Quote(word)}
	}
	return err
}

// either lists words: a, b or c.
func either(words []string) string {
	all := strings.Join(words, ", ")
	if last := strings.LastIndex(all, ", "); last >= 0 {
		return all[:last] + " or " + all[last+2:]
	}
	return all
}

// didYouMean returns what is put after a message about an unknown word: the
// nearest known one, or else all of them.
func didYouMean(word string, known []string) string {
	if meant, ok := nearest(word, known); ok {
		return fmt.Sprintf(": did you mean %q?", meant)
	}
	if len(known) == 0 {
		return ""
	}
	return ": known here: " + strings.Join(known, ", ")
}

// nearest returns the known word that most probably was meant: at most two slips
// away, and no more than a third of its length.
func nearest(word string, known []string) (string, bool) {
	best, found := 3, ""
	for _, candidate := range known {
		slips := distance(strings.ToLower(word), candidate)
		if slips < best && 3*slips <= max(len(candidate), len(word)) {
			best, found = slips, candidate
		}
	}
	return found, found != ""
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours between two short words (optimal string alignment; L. Boytsov,
// "Indexing methods for approximate dictionary searching", 2011). Words far
// longer than any key are infinitely far away.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			substitution := 1
			if a[i-1] == b[j-1] {
				substitution = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+substitution)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
