package tokenizer_test

import (
	"strings"
	"testing"

	"penstock/tokenizer"
)

func BenchmarkParseSmolLM2(b *testing.B) {
	data := gunzip(b, "testdata/smollm2-tokenizer.json.gz")
	for b.Loop() {
		if _, err := tokenizer.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadCLIP(b *testing.B) {
	for b.Loop() {
		loadCLIP(b)
	}
}

// BenchmarkEncode encodes prose, and one word of 100 KB.
func BenchmarkEncode(b *testing.B) {
	tok := loadSmolLM2(b)
	for name, text := range map[string]string{
		"prose":   strings.Repeat("The quick brown fox jumps over the lazy dog; it's 12 o'clock. ", 1600),
		"oneword": strings.Repeat("abcdefghijklmnopqrstuvwxyz", 4000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, tokenizer.EncodeOptions{})
			}
		})
	}
}

func BenchmarkEncodeLabelCLIP(b *testing.B) {
	tok := loadCLIP(b)
	for b.Loop() {
		tok.EncodeTruncated("a photo of a cat", 77)
	}
}

func BenchmarkStreamDecoder(b *testing.B) {
	tok := loadSmolLM2(b)
	ids := encode(b, tok, "Once upon a time there was a déjà vu 🙂", tokenizer.EncodeOptions{})
	for b.Loop() {
		d := tok.NewDecoder()
		for _, id := range ids {
			d.Push(id)
		}
		d.Flush()
	}
}
