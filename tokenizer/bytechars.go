package tokenizer

import "strings"

// Byte-level BPE represents each byte as a printable character: GPT-2's bytes_to_unicode
// (encoder.py of github.com/openai/gpt-2). Bytes that are printable in Latin-1 are themselves; the
// 68 others, in order, are U+0100 to U+0143 (a space is Ġ).

func charOf(b byte) rune {
	switch {
	case b <= 0x20:
		return 0x100 + rune(b)
	case b >= 0x7F && b <= 0xA0:
		return 0x121 + rune(b-0x7F)
	case b == 0xAD:
		return 0x143
	}
	return rune(b)
}

func byteOf(r rune) (b byte, ok bool) {
	switch {
	case r >= 0x100 && r <= 0x120:
		return byte(r - 0x100), true
	case r >= 0x121 && r <= 0x142:
		return byte(r-0x121) + 0x7F, true
	case r == 0x143:
		return 0xAD, true
	}
	return byte(r), r < 0x100 && charOf(byte(r)) == r
}

func toByteChars(text string) string {
	var chars strings.Builder
	chars.Grow(len(text) + len(text)/2)
	for i := range len(text) {
		chars.WriteRune(charOf(text[i]))
	}
	return chars.String()
}

// appendFromByteChars appends the bytes that chars represent. If one of them represents no byte, ok
// is false and nothing is appended.
func appendFromByteChars(dst []byte, chars string) (bytes []byte, ok bool) {
	bytes = dst
	for _, r := range chars {
		b, ok := byteOf(r)
		if !ok {
			return dst, false
		}
		bytes = append(bytes, b)
	}
	return bytes, true
}
