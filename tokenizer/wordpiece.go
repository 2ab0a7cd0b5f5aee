package tokenizer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// wordPiece is BERT's model: from left to right, the longest token that fits. A word with a part
// that no token fits is unknown as a whole.
type wordPiece struct {
	vocab     map[string]int32
	trie      *trie
	rest      int32 // the node after the prefix of tokens inside a word ("##"), or none
	special   map[int64]bool
	unknown   int32
	maxLength int // characters; a longer word is unknown
}

func newWordPiece(m *modelFile, special map[int64]bool) (*wordPiece, error) {
	w := &wordPiece{vocab: m.Vocab.ids, trie: newTrie(m.Vocab.ids), special: special, maxLength: 100}
	if m.MaxChars != nil {
		w.maxLength = *m.MaxChars
	}
	if w.maxLength < 0 {
		return nil, fmt.Errorf("max_input_chars_per_word %d is negative", w.maxLength)
	}
	if m.UnkToken == "" {
		return nil, errors.New("unk_token is missing")
	}
	id, known := m.Vocab.ids[m.UnkToken]
	if !known {
		return nil, fmt.Errorf("unk_token %q is not in vocab", m.UnkToken)
	}
	w.unknown = id
	w.rest = w.trie.follow(root, m.Prefix)
	return w, nil
}

func (w *wordPiece) id(token string) (int32, bool) {
	id, known := w.vocab[token]
	return id, known
}

func (w *wordPiece) encoder(parseSpecial bool) func(ids []int64, word string) []int64 {
	return func(ids []int64, word string) []int64 { return w.appendTokens(ids, word, parseSpecial) }
}

func (w *wordPiece) appendTokens(ids []int64, word string, parseSpecial bool) []int64 {
	known := len(ids)
	if utf8.RuneCountInString(word) > w.maxLength {
		return append(ids, int64(w.unknown))
	}
	for node := root; word != ""; node = w.rest {
		id, size := w.longest(node, word, parseSpecial)
		if id == none {
			return append(ids[:known], int64(w.unknown))
		}
		ids, word = append(ids, int64(id)), word[size:]
	}
	return ids
}

// longest returns the longest token that begins at a node of the trie and is a prefix of text, and
// how much of the text it covers; none if there is no such token.
func (w *wordPiece) longest(node int32, text string, parseSpecial bool) (id int32, size int) {
	id = none
	for i := 0; i < len(text) && node != none; i++ {
		node = w.trie.next(node, text[i])
		if node == none || w.trie.ids[node] == none {
			continue
		}
		if found := w.trie.ids[node]; parseSpecial || !w.special[int64(found)] {
			id, size = found, i+1
		}
	}
	return id, size
}
