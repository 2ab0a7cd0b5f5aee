package tokenizer

import (
	"errors"
	"fmt"
)

// model converts words to tokens.
type model interface {
	// encoder returns a function that appends the tokens of a word to ids. The function keeps
	// buffers from word to word and is not safe for concurrent use. Only with parseSpecial may it
	// find special tokens, which a normalizer can make of other text.
	encoder(parseSpecial bool) func(ids []int64, word string) []int64
	// id returns the id of a token that is not special.
	id(token string) (id int32, known bool)
}

func newModel(m *modelFile, special map[int64]bool) (model, error) {
	kind := m.kind()
	switch {
	case kind != "BPE" && kind != "WordPiece" && kind != "Unigram":
		return nil, unknown(m.Type)
	case len(m.Vocab.ids) == 0:
		return nil, errors.New("vocab is missing or empty")
	case (m.Vocab.scores != nil) != (kind == "Unigram"):
		return nil, fmt.Errorf("vocab has not the form of a %s model's", kind)
	}
	switch kind {
	case "WordPiece":
		return newWordPiece(m, special)
	case "Unigram":
		return newUnigram(m, special)
	}
	return newBPE(m, special)
}

// kind returns the type of model. Files of the library's first versions have none.
func (m *modelFile) kind() string {
	switch {
	case m.Type != "":
		return m.Type
	case m.Merges != nil:
		return "BPE"
	case m.Vocab.scores != nil:
		return "Unigram"
	case m.MaxChars != nil:
		return "WordPiece"
	}
	return ""
}

// byteTokens are the ids of <0x00> to <0xFF>, which spell a character that is not in the
// vocabulary; none: not available.
type byteTokens [256]int32

func newByteTokens(m *modelFile) (b byteTokens) {
	for i := range b {
		b[i] = none
		if id, known := m.Vocab.ids[fmt.Sprintf("<0x%02X>", i)]; known && m.ByteFallback {
			b[i] = id
		}
	}
	return b
}

// cover reports whether there is a token for each byte of text.
func (b *byteTokens) cover(text string) bool {
	for i := range len(text) {
		if b[text[i]] == none {
			return false
		}
	}
	return true
}
