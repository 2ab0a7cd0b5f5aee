package tokenizer_test

import (
	"fmt"
	"strings"
	"testing"

	"penstock/tokenizer"
)

// FuzzFamilies encodes arbitrary texts with every kind of tokenizer.
func FuzzFamilies(f *testing.F) {
	all := readFamilies(f)
	for _, text := range all.Texts[:60] {
		f.Add(text)
	}
	f.Add("a\xff\xe2\x82")
	var toks []*tokenizer.Tokenizer
	for _, c := range all.Cases {
		toks = append(toks, all.parse(f, c.Family, c.Parts))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			ids, err := tok.EncodeConfigured(text)
			if err != nil {
				t.Fatalf("%s: %v", all.Cases[i].Name, err)
			}
			for _, id := range ids {
				if _, known := tok.Token(id); !known {
					t.Errorf("%s: %q became the unknown id %d", all.Cases[i].Name, text, id)
				}
			}
			var stream strings.Builder
			d := tok.NewDecoder()
			for _, id := range ids {
				stream.WriteString(d.Push(id))
			}
			stream.WriteString(d.Flush())
			if whole := tok.Decode(ids, true); whole != stream.String() {
				t.Errorf("%s: %v decodes to %q, as a stream to %q", all.Cases[i].Name, ids, whole, &stream)
			}
		}
	})
}

// hostile are texts of a megabyte that are hard on an algorithm that is quadratic in the length of
// a text, of a word, or of the marks on a character.
var hostile = map[string]string{
	"letter": strings.Repeat("a", 1<<20),
	"spaces": strings.Repeat(" ", 1<<20),
	"marks":  "a" + strings.Repeat("\u0301\u0323", 1<<18),
	"commas": strings.Repeat(",", 1<<20),
	"han":    strings.Repeat("的", 1<<20/3),
	"joined": strings.Repeat("👩\u200d", 1<<20/7),
	"bytes":  strings.Repeat("\xff", 1<<20),
}

// TestHostileTexts encodes long texts, which end only if no step is quadratic: a million squared
// takes longer than the tests may. Their tokens are as many as the text says.
func TestHostileTexts(t *testing.T) {
	f := readFamilies(t)
	for family := range f.Files {
		tok := f.parse(t, family, nil).Unhurried()
		for name, text := range hostile {
			t.Run(fmt.Sprintf("%s, %s", family, name), func(t *testing.T) {
				t.Parallel()
				ids := encode(t, tok, text, tokenizer.EncodeOptions{})
				if len(ids) > 3*len(text) {
					t.Errorf("%d ids of %d bytes", len(ids), len(text))
				}
			})
		}
	}
}

// BenchmarkFamilies encodes a text in ten scripts, and the hostile ones.
func BenchmarkFamilies(b *testing.B) {
	f := readFamilies(b)
	texts := map[string]string{"texts": strings.Join(f.Texts, " ")}
	for name, text := range hostile {
		texts[name] = text
	}
	for family := range f.Files {
		tok := f.parse(b, family, nil)
		for name, text := range texts {
			b.Run(family+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if _, err := tok.Encode(text, tokenizer.EncodeOptions{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
