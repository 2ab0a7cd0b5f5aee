package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	edlib "github.com/hbollon/go-edlib"
)

// hinted is an error with what was probably meant.
type hinted struct {
	error
	meant string
}

// OneOf returns nil if text is one of the words, and else the error for an UnmarshalText to return:
// it lists the words, and names the one that was probably meant.
func OneOf(text string, words ...string) error {
	if slices.Contains(words, text) {
		return nil
	}
	err := errors.New("must be " + either(words))
	if word, ok := nearest(text, words); ok {
		return hinted{err, strconv.Quote(word)}
	}
	return err
}

// either joins words: a, b or c.
func either(words []string) string {
	all := strings.Join(words, ", ")
	if last := strings.LastIndex(all, ", "); last >= 0 {
		return all[:last] + " or " + all[last+2:]
	}
	return all
}

// didYouMean returns the end of a message about an unknown word: the nearest known one, or else all
// of them.
func didYouMean(word string, known []string) string {
	if meant, ok := nearest(word, known); ok {
		return fmt.Sprintf(": did you mean %q?", meant)
	}
	if len(known) == 0 {
		return ""
	}
	return ": known here: " + strings.Join(known, ", ")
}

// nearest returns the known word that was most probably meant: at most two edits away, which are
// insertions, deletions, substitutions and swaps of neighbours, and no more than one for every
// three letters.
func nearest(word string, known []string) (string, bool) {
	if len(word) > maxWord {
		return "", false
	}
	best, found := 3, ""
	for _, candidate := range known {
		edits := edlib.OSADamerauLevenshteinDistance(strings.ToLower(word), candidate)
		if edits < best && 3*edits <= max(len(candidate), len(word)) {
			best, found = edits, candidate
		}
	}
	return found, found != ""
}

// maxWord is the length beyond which a word is too long to be a mistyped key.
const maxWord = 100
