package tokenizer

import (
	"strings"
	"testing"
	"time"
)

// llama3Pattern is how Llama 3 splits text; Qwen2's differs in one letter (\p{N} for \p{N}{1,3}).
const llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

func TestSplitters(t *testing.T) {
	no := false
	regex := func(expression string) pattern { return pattern{Regex: &expression} }
	for name, c := range map[string]struct {
		step       component
		text, want string // the pieces, joined with ¦
	}{
		"GPT-2": {component{Type: "ByteLevel"}, "It's  2024,\n\nok \t", "It¦'s¦Ġ¦Ġ2024¦,¦Ċ¦Ċ¦ok¦Ġĉ"},
		"digits": {
			component{Type: "Sequence", Pretokenizers: []*component{{Type: "Digits", IndividualDigits: true}, {Type: "ByteLevel"}}},
			"a  12½b", "a¦ĠĠ¦1¦2¦Â½¦b",
		},
		"Llama 3": {
			component{Type: "Sequence", Pretokenizers: []*component{
				{Type: "Split", Pattern: regex(llama3Pattern), Behavior: "Isolated"}, {Type: "ByteLevel", UseRegex: &no},
			}},
			"I'LL  pay 12345!\n\n (ok)", "I¦'LL¦Ġ¦Ġpay¦Ġ¦123¦45¦!ĊĊ¦Ġ(¦ok¦)",
		},
		"isolated":          {component{Type: "Split", Pattern: regex("b+"), Behavior: "Isolated"}, "abbcb", "a¦bb¦c¦b"},
		"removed":           {component{Type: "Split", Pattern: regex("b+"), Behavior: "Removed"}, "abbcb", "a¦c"},
		"removed, inverted": {component{Type: "Split", Pattern: regex("b+"), Behavior: "Removed", Invert: true}, "abbcb", "bb¦b"},
	} {
		split, err := newSplitter(&c.step)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(pieces(t, split, c.text), "¦"); got != c.want {
			t.Errorf("%s: %q split into %s, want %s", name, c.text, got, c.want)
		}
	}
}

// TestLongRuns splits texts that are hard on a backtracking regular expression. No byte may be
// lost.
func TestLongRuns(t *testing.T) {
	re, err := compile(llama3Pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{strings.Repeat(" ", 1e6) + "x", strings.Repeat("a", 1e6), strings.Repeat("\n ", 5e5)} {
		length := 0
		err := matches(re, text, time.Now().Add(time.Minute), func(start, end int) { length += end - start })
		if err != nil {
			t.Error(err)
		}
		if length != len(text) {
			t.Errorf("%d of %d bytes of %q… matched", length, len(text), text[:5])
		}
	}
}

func TestByteCharactersRoundTrip(t *testing.T) {
	seen := map[rune]bool{}
	for b := range 256 {
		r := charOf(byte(b))
		if back, ok := byteOf(r); !ok || back != byte(b) || seen[r] {
			t.Errorf("byte %#x is %q, which is byte %#x, %v", b, r, back, ok)
		}
		seen[r] = true
	}
	for _, r := range []rune{' ', 0x7F, 0xAD, 0x144, '日'} {
		if b, ok := byteOf(r); ok {
			t.Errorf("%q represents byte %#x, want none", r, b)
		}
	}
}

func pieces(t *testing.T, split splitter, text string) (all []string) {
	t.Helper()
	if err := split(newPiece(text), time.Now().Add(time.Minute), func(p piece) { all = append(all, p.text) }); err != nil {
		t.Error(err)
	}
	return all
}
