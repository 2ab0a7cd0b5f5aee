package tokenizer

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalForm returns Unicode's normalization as the library has it: of a version of Unicode without
// the decompositions in laterForms, and without x/text's limit of 30 marks on a character, beyond
// which it inserts a joiner.
func normalForm(form norm.Form) func(string) string {
	return func(text string) string {
		if form.IsNormalString(text) && strings.IndexFunc(text, isLaterForm) < 0 {
			return text
		}
		var b strings.Builder
		for text != "" {
			end := strings.IndexFunc(text, isLaterForm)
			if end < 0 {
				end = len(text)
			}
			b.WriteString(normalize(form, text[:end]))
			rest := strings.TrimLeftFunc(text[end:], isLaterForm)
			b.WriteString(text[end : len(text)-len(rest)])
			text = rest
		}
		return b.String()
	}
}

// laterForms are characters that got a decomposition after Unicode 12.
var laterForms = &unicode.RangeTable{
	R16: []unicode.Range16{{0x32FF, 0x32FF, 1}, {0xA7F1, 0xA7F4, 1}, {0xAB69, 0xAB69, 1}},
	R32: []unicode.Range32{
		{0x105C9, 0x105C9, 1},
		{0x105E4, 0x105E4, 1},
		{0x10781, 0x107BA, 1},
		{0x11383, 0x11391, 1},
		{0x113C5, 0x113C8, 1},
		{0x11938, 0x11938, 1},
		{0x16121, 0x16128, 1},
		{0x16D68, 0x16D6A, 1},
		{0x1CCD6, 0x1CCF9, 1},
		{0x1E030, 0x1E06D, 1},
		{0x1F16C, 0x1F16C, 1},
		{0x1FBF0, 0x1FBF9, 1},
	},
}

func isLaterForm(r rune) bool { return r >= 0x32FF && unicode.Is(laterForms, r) }

// joiner is what x/text inserts.
const joiner = "\u034F"

func normalize(form norm.Form, text string) string {
	out := form.String(text)
	if strings.Count(out, joiner) == strings.Count(text, joiner) {
		return out
	}
	decomposed := decompose(form, text)
	if form == norm.NFC || form == norm.NFKC {
		decomposed = compose(decomposed)
	}
	return string(decomposed)
}

// decompose decomposes each character and sorts the marks of each by their combining class.
func decompose(form norm.Form, text string) []rune {
	single := norm.NFD
	if form == norm.NFKC || form == norm.NFKD {
		single = norm.NFKD
	}
	var all []rune
	for _, r := range text {
		all = append(all, []rune(single.String(string(r)))...)
	}
	for start := 0; start < len(all); {
		end := start
		for end < len(all) && combiningClass(all[end]) > 0 {
			end++
		}
		slices.SortStableFunc(all[start:end], func(a, b rune) int { return cmp.Compare(combiningClass(a), combiningClass(b)) })
		start = end + 1
	}
	return all
}

func combiningClass(r rune) uint8 { return norm.NFD.PropertiesString(string(r)).CCC() }

// compose combines each mark with the character before it, where there is such a character and no
// mark between them blocks it.
func compose(all []rune) []rune {
	out := all[:0]
	base, last := -1, uint8(0) // the character to combine with; the class of the last mark kept after it
	for _, r := range all {
		class := combiningClass(r)
		if base >= 0 && (last < class || last == 0 && base == len(out)-1) {
			if pair := []rune(norm.NFC.String(string([]rune{out[base], r}))); len(pair) == 1 {
				out[base] = pair[0]
				continue
			}
		}
		if last = class; class == 0 {
			base = len(out)
		}
		out = append(out, r)
	}
	return out
}
