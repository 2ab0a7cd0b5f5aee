package gguf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A vocabulary is the tokenizer of a file: byte-level BPE like GPT-2's.
type vocabulary struct {
	tokens []string
	merges []string // "left right"
	added  []addedToken
	digits bool // each digit is a word
}

// GGUF's numbers of token types.
const (
	tokenNormal      = 1
	tokenControl     = 3
	tokenUserDefined = 4
	tokenUnused      = 5
)

// newVocabulary returns the tokenizer of f, if tokenizer.json can represent it.
func newVocabulary(f *file) (*vocabulary, error) {
	m := &metadata{values: f.metadata}
	if model := required[string](m, "tokenizer.ggml.model"); m.err == nil && model != "gpt2" {
		return nil, fmt.Errorf("tokenizer %q is not supported: only gpt2, which is byte-level BPE, is", model)
	}
	v := &vocabulary{
		tokens: required[[]string](m, "tokenizer.ggml.tokens"),
		merges: required[[]string](m, "tokenizer.ggml.merges"),
	}
	types := required[[]int64](m, "tokenizer.ggml.token_type")
	switch pre := required[string](m, "tokenizer.ggml.pre"); {
	case m.err != nil:
		return nil, m.err
	case pre == "smollm":
		v.digits = true
	case pre != "gpt-2":
		return nil, fmt.Errorf("pre-tokenizer %q is not supported: only gpt-2 and smollm are", pre)
	}
	if len(types) != len(v.tokens) {
		return nil, fmt.Errorf("%d token types for %d tokens", len(types), len(v.tokens))
	}
	return v, v.classify(types)
}

// classify finds the added tokens, and checks tokens and merges.
func (v *vocabulary) classify(types []int64) error {
	seen := make(map[string]bool, len(v.tokens))
	for id, token := range v.tokens {
		switch {
		case !utf8.ValidString(token):
			return fmt.Errorf("token %d is not UTF-8", id)
		case seen[token]:
			return fmt.Errorf("token %d, %q, is in the vocabulary twice", id, token)
		}
		seen[token] = true
		switch types[id] {
		case tokenNormal, tokenUnused:
		case tokenControl, tokenUserDefined:
			v.added = append(v.added, addedToken{ID: id, Content: token, Special: types[id] == tokenControl})
		default:
			return fmt.Errorf("token %d, %q, has type %d, which does not occur in byte-level BPE", id, token, types[id])
		}
	}
	for i, merge := range v.merges {
		left, right, _ := strings.Cut(merge, " ")
		if !seen[left] || !seen[right] || !seen[left+right] {
			return fmt.Errorf("merge %d, %q, does not merge two tokens into a token", i, merge)
		}
	}
	return nil
}

// tokenizerJSON returns the vocabulary in the format of Hugging Face's tokenizers library.
func (v *vocabulary) tokenizerJSON() tokenizerFile {
	t := tokenizerFile{Version: "1.0", AddedTokens: v.added, PreTokenizer: step{Type: "Sequence"}}
	yes, no := true, false
	if v.digits {
		t.PreTokenizer.Steps = append(t.PreTokenizer.Steps, step{Type: "Digits", IndividualDigits: &yes})
	}
	t.PreTokenizer.Steps = append(t.PreTokenizer.Steps, step{Type: "ByteLevel", AddPrefixSpace: &no, TrimOffsets: &yes, UseRegex: &yes})
	t.Decoder = step{Type: "ByteLevel", AddPrefixSpace: &yes, TrimOffsets: &yes, UseRegex: &yes}
	t.Model.Type = "BPE"
	t.Model.Vocabulary = v.tokens
	t.Model.Merges = v.merges
	return t
}
