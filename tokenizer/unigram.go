package tokenizer

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// unigram is SentencePiece's model of that name: of all ways to spell a word it takes the one with
// the highest sum of scores (Viterbi's algorithm).
type unigram struct {
	vocab        map[string]int32
	trie         *trie
	scores       []float64
	special      map[int64]bool
	unknown      int32 // for characters not in vocab; none: such a character is dropped
	unknownScore float64
	bytes        byteTokens // for characters not in vocab
}

// unknownPenalty is how much less than the lowest score of a token an unknown character has.
const unknownPenalty = 10

func newUnigram(m *modelFile, special map[int64]bool) (*unigram, error) {
	u := &unigram{
		vocab: m.Vocab.ids, scores: m.Vocab.scores, trie: newTrie(m.Vocab.ids), special: special, unknown: none,
		unknownScore: slices.Min(m.Vocab.scores) - unknownPenalty, bytes: newByteTokens(m),
	}
	if m.UnkID != nil {
		if u.unknown = *m.UnkID; u.unknown < 0 || int(u.unknown) >= len(u.scores) {
			return nil, fmt.Errorf("unk_id %d is not in vocab", u.unknown)
		}
	}
	return u, nil
}

func (u *unigram) id(token string) (int32, bool) {
	id, known := u.vocab[token]
	return id, known
}

func (u *unigram) encoder(parseSpecial bool) func(ids []int64, word string) []int64 {
	l := lattice{unigram: u, parseSpecial: parseSpecial}
	return l.appendTokens
}

// lattice encodes words one after the other, reusing its buffer. The time is in proportion to the
// length of the word and of the longest token in it.
type lattice struct {
	*unigram
	parseSpecial bool
	ends         []arrival // by offset in the word
}

// arrival is the best spelling of a word up to an offset.
type arrival struct {
	score float64
	start int32 // of its last token; none: no spelling ends here
	id    int32 // its last token
	next  int32 // once the whole word's spelling is known: where the token that starts here ends
}

func (l *lattice) appendTokens(ids []int64, word string) []int64 {
	l.ends = slices.Grow(l.ends[:0], len(word)+1)[:len(word)+1]
	for i := range l.ends {
		l.ends[i] = arrival{start: none}
	}
	for at := 0; at < len(word); {
		_, size := utf8.DecodeRuneInString(word[at:])
		if !l.tryTokens(word, at, size) {
			l.try(at, at+size, l.unknown, l.unknownScore)
		}
		at += size
	}
	for at := int32(len(word)); at > 0; {
		start := l.ends[at].start
		l.ends[start].next = at
		at = start
	}
	return l.appendBest(ids, word)
}

// tryTokens tries all tokens that start at an offset. It reports whether one of them is just the
// character there.
func (l *lattice) tryTokens(word string, at, size int) (single bool) {
	node := root
	for end := at; end < len(word); {
		if node = l.trie.next(node, word[end]); node == none {
			break
		}
		end++
		if id := l.trie.ids[node]; id != none && (l.parseSpecial || !l.special[int64(id)]) {
			l.try(at, end, id, l.scores[id])
			single = single || end == at+size
		}
	}
	return single
}

// try makes a token the last one of the best spelling up to end, if it is. Of equal ones the first
// counts.
func (l *lattice) try(start, end int, id int32, score float64) {
	score += l.ends[start].score
	if e := &l.ends[end]; e.start == none || score > e.score {
		*e = arrival{score: score, start: int32(start), id: id}
	}
}

// appendBest appends the best spelling's tokens. Consecutive unknown characters are spelled in
// bytes, or become one unknown token.
func (l *lattice) appendBest(ids []int64, word string) []int64 {
	for at := 0; at < len(word); {
		end := l.ends[at].next
		id := l.ends[end].id
		start := at
		at = int(end)
		if id != l.unknown {
			ids = append(ids, int64(id))
			continue
		}
		for at < len(word) && l.ends[l.ends[at].next].id == l.unknown {
			at = int(l.ends[at].next)
		}
		ids = l.appendUnknown(ids, word[start:at])
	}
	return ids
}

func (u *unigram) appendUnknown(ids []int64, text string) []int64 {
	if u.bytes.cover(text) {
		for i := range len(text) {
			ids = append(ids, int64(u.bytes[text[i]]))
		}
		return ids
	}
	if u.unknown != none {
		ids = append(ids, int64(u.unknown))
	}
	return ids
}
