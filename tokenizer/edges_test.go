package tokenizer_test

import (
	"fmt"
	"testing"

	"penstock/tokenizer"
)

// TestTheLastOfSeveralVocabulariesCounts has files that name vocab twice, in both forms.
func TestTheLastOfSeveralVocabulariesCounts(t *testing.T) {
	for _, list := range []string{`[]`, `[["a", 0]]`} {
		data := fmt.Sprintf(`{"model": {"type": "Unigram", "vocab": %s, "vocab": {"a": 0, "b": 7}}}`, list)
		if _, err := tokenizer.Parse([]byte(data)); err == nil {
			t.Errorf("no error for %s", data)
		}
	}
	tok, err := tokenizer.Parse([]byte(`{"model": {"type": "Unigram", "vocab": {"b": 7}, "vocab": [["a", 0]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, known := tok.ID("b"); known || tok.VocabSize() != 1 {
		t.Errorf("the first vocabulary counts: %d tokens", tok.VocabSize())
	}
}

// TestStripRightRemovesAWholeText has a text whose first character is removed, with another step
// after it.
func TestStripRightRemovesAWholeText(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{
		"normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_right": true}, {"type": "Lowercase"}]},
		"model": {"type": "Unigram", "vocab": [["a", 0], [" ", 0]]}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{" ": 0, "\u3000\n": 0, " A ": 2, "A": 1} {
		if ids := encode(t, tok, text, tokenizer.EncodeOptions{}); len(ids) != want {
			t.Errorf("Encode(%q) = %v, want %d ids", text, ids, want)
		}
	}
}

// TestStripOfALongCharacter removes a character of three bytes at the start of a text.
func TestStripOfALongCharacter(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{
		"decoder": {"type": "Sequence", "decoders": [
			{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": "▁", "start": 1}
		]},
		"model": {"type": "Unigram", "byte_fallback": true, "vocab": [["a", 0], ["▁", 0], ["<0xE2>", 0], ["<0x96>", 0], ["<0x81>", 0]]}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ids  []int64
		want string
	}{
		{[]int64{0}, "a"},
		{[]int64{1, 0}, "a"},
		{[]int64{1, 1}, "▁"},
		{[]int64{2, 3, 4, 0}, "a"},
		{[]int64{2, 0}, "\uFFFDa"},
		{[]int64{2, 3}, "\uFFFD"},
		{nil, ""},
	} {
		if text := tok.Decode(c.ids, true); text != c.want {
			t.Errorf("Decode(%v) = %q, want %q", c.ids, text, c.want)
		}
	}
}
