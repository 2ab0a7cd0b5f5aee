package tokenizer

import (
	"cmp"
	"slices"
	"time"
)

// scriptRun is the start of a run of characters of one script.
type scriptRun struct {
	first  rune
	script uint8
}

// anyScript goes with every script: spaces, and characters that the library's tables lack.
const anyScript = 0

func scriptOf(r rune) uint8 {
	i, found := slices.BinarySearchFunc(scriptRuns, r, func(run scriptRun, r rune) int { return cmp.Compare(run.first, r) })
	if !found {
		i--
	}
	return scriptRuns[i].script
}

// splitScripts splits where the script changes, as SentencePiece's trainer does: Hiragana and
// Katakana are Han. Characters of any script before the first other one are lost, as they are in
// the library.
func splitScripts(p piece, _ time.Time, emit func(piece)) error {
	start, last := -1, uint8(anyScript)
	for at, r := range p.text {
		script := scriptOf(r)
		if script == anyScript || script == last {
			continue
		}
		last = script
		if start >= 0 {
			emit(p.part(start, at))
		}
		start = at
	}
	if start >= 0 {
		emit(p.part(start, len(p.text)))
	}
	return nil
}
