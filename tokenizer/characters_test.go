package tokenizer

import (
	"compress/gzip"
	"encoding/json"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryCharacter sends every character through the steps that look at single ones, and compares
// 4,096 at a time with Hugging Face's library.
func TestEveryCharacter(t *testing.T) {
	file, err := os.Open("testdata/families.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		CharsMap   string
		Characters []struct {
			Section string
			Step    json.RawMessage
			Sums    []uint16
		}
	}
	if err := json.NewDecoder(data).Decode(&f); err != nil {
		t.Fatal(err)
	}
	if len(f.Characters) != 16 {
		t.Fatalf("%d steps, want 16", len(f.Characters))
	}
	for _, c := range f.Characters {
		t.Run(string(c.Step), func(t *testing.T) {
			t.Parallel()
			step := strings.ReplaceAll(string(c.Step), "CHARSMAP", f.CharsMap)
			parsed, err := parseFile([]byte(`{"` + c.Section + `": ` + step + `}`))
			if err != nil {
				t.Fatal(err)
			}
			parts := partsOf(t, parsed)
			for block, want := range c.Sums {
				var all []string
				for r := rune(block) * 0x1000; r < rune(block+1)*0x1000; r++ {
					if r < 0xD800 || r > 0xDFFF {
						all = append(all, parts(string(r))...)
					}
				}
				if got := uint16(crc32.ChecksumIEEE([]byte(strings.Join(all, "|")))); got != want {
					t.Errorf("characters from U+%04X are not as in the library", block*0x1000)
				}
			}
		})
	}
}

// partsOf returns what a file with one step makes of a character: its normal form, or the pieces of
// the character between two letters.
func partsOf(t *testing.T, f *file) func(char string) []string {
	deadline := time.Now().Add(time.Hour)
	if f.Normalizer != nil {
		rewrite, err := newNormalizer(f.Normalizer)
		if err != nil {
			t.Fatal(err)
		}
		return func(char string) []string {
			p, err := rewrite(newPiece(char), deadline)
			if err != nil {
				t.Fatal(err)
			}
			return []string{p.text}
		}
	}
	split, err := newSplitter(f.PreTokenizer)
	if err != nil {
		t.Fatal(err)
	}
	return func(char string) []string { return slices.Clone(pieces(t, split, "a"+char+"a")) }
}
