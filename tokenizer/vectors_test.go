package tokenizer_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"sync"
	"testing"

	"penstock/tokenizer"
)

const clipPath = "../models/clip-tiny/tokenizer.json"

// vector is a text with the ids and the decoding of Hugging Face's own library.
type vector struct {
	Text string  `json:"text"`
	IDs  []int64 `json:"ids"`
	Dec  string  `json:"dec"`
}

func TestEveryVectorOfSmolLM2(t *testing.T) {
	tok := loadSmolLM2(t)
	for _, v := range readVectors(t, "testdata/tokens-smollm2.json.gz") {
		if ids := encode(t, tok, v.Text, tokenizer.EncodeOptions{ParseSpecial: true}); !slices.Equal(ids, v.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", v.Text, ids, v.IDs)
		}
		if text := tok.Decode(v.IDs, false); text != v.Dec {
			t.Errorf("Decode(%v) = %q, want %q", v.IDs, text, v.Dec)
		}
	}
}

func TestEveryVectorOfCLIP(t *testing.T) {
	const limit = 77
	tok := loadCLIP(t)
	longer := 0
	for _, v := range readVectors(t, "testdata/tokens-clip.json.gz") {
		ids := encode(t, tok, v.Text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
		if !slices.Equal(ids, v.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", v.Text, ids, v.IDs)
		}
		want := v.IDs
		if len(want) > limit {
			longer++
			want = append(slices.Clone(want[:limit-1]), want[len(want)-1])
		}
		if ids := encodeTruncated(t, tok, v.Text, limit); !slices.Equal(ids, want) {
			t.Errorf("EncodeTruncated(%q, %d) = %v, want %v", v.Text, limit, ids, want)
		}
	}
	if longer != 7 {
		t.Errorf("%d vectors are longer than %d ids, want 7", longer, limit)
	}
}

// TestConcurrentUse uses one tokenizer from several goroutines, for the race detector.
func TestConcurrentUse(t *testing.T) {
	tok := loadSmolLM2(t)
	vectors := readVectors(t, "testdata/tokens-smollm2.json.gz")[:100]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, v := range vectors {
				if ids := encode(t, tok, v.Text, tokenizer.EncodeOptions{ParseSpecial: true}); !slices.Equal(ids, v.IDs) {
					t.Errorf("Encode(%q) = %v, want %v", v.Text, ids, v.IDs)
				}
				if text := tok.Decode(v.IDs, false); text != v.Dec {
					t.Errorf("Decode(%v) = %q, want %q", v.IDs, text, v.Dec)
				}
			}
		})
	}
	all.Wait()
}

func loadCLIP(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	data, err := os.ReadFile(clipPath)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func loadSmolLM2(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Parse(gunzip(t, "testdata/smollm2-tokenizer.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func readVectors(t testing.TB, path string) []vector {
	t.Helper()
	var vectors []vector
	if err := json.Unmarshal(gunzip(t, path), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 705 {
		t.Fatalf("%s has %d texts, want 705", path, len(vectors))
	}
	return vectors
}

func gunzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func encode(t testing.TB, tok *tokenizer.Tokenizer, text string, o tokenizer.EncodeOptions) []int64 {
	t.Helper()
	ids, err := tok.Encode(text, o)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func encodeTruncated(t testing.TB, tok *tokenizer.Tokenizer, text string, limit int) []int64 {
	t.Helper()
	ids, err := tok.EncodeTruncated(text, limit)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
