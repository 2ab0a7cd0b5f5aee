package tokenizer_test

import (
	"encoding/json"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"penstock/tokenizer"
)

// families are testdata/families.json.gz: small tokenizers of the kinds in use, and what Hugging
// Face's library makes of 1,000 texts with them and with variants of them.
type families struct {
	Texts    []string
	CharsMap string
	Files    map[string]map[string]any
	Cases    []familyCase
}

type familyCase struct {
	Name, Family   string
	Parts          map[string]any // of the family's file that are others
	IDs            [][]int64      // or
	Sums           []uint16       // of the ids
	Decoded, Plain []uint16       // sums of the decoded text, with special tokens and without
}

func TestEveryVectorOfEveryKind(t *testing.T) {
	f := readFamilies(t)
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			f.check(t, c)
		})
	}
}

func readFamilies(t testing.TB) (f families) {
	t.Helper()
	if err := json.Unmarshal(gunzip(t, "testdata/families.json.gz"), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Texts) != 1000 || len(f.Cases) < 70 {
		t.Fatalf("%d texts and %d cases", len(f.Texts), len(f.Cases))
	}
	return f
}

// parse returns a family's tokenizer with some parts of its file replaced. A part's missing
// members are the family's.
func (f *families) parse(t testing.TB, family string, parts map[string]any) *tokenizer.Tokenizer {
	t.Helper()
	file := maps.Clone(f.Files[family])
	for name, part := range parts {
		if change, ok := part.(map[string]any); ok && name == "model" {
			model := maps.Clone(file[name].(map[string]any))
			if change["type"] == nil {
				delete(model, "type")
			}
			maps.Copy(model, change)
			part = model
		}
		file[name] = part
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse([]byte(strings.ReplaceAll(string(data), "CHARSMAP", f.CharsMap)))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func (f *families) check(t *testing.T, c familyCase) {
	f.checkTokenizer(t, f.parse(t, c.Family, c.Parts), c)
}

func (f *families) checkTokenizer(t *testing.T, tok *tokenizer.Tokenizer, c familyCase) {
	wrong := 0
	for i, text := range f.Texts {
		ids, err := tok.EncodeConfigured(text)
		if err != nil {
			t.Fatal(err)
		}
		if c.IDs != nil && !slices.Equal(ids, c.IDs[i]) {
			t.Errorf("EncodeConfigured(%q) = %v, want %v", text, ids, c.IDs[i])
			wrong++
		}
		if c.Sums != nil && sumOfIDs(ids) != c.Sums[i] {
			t.Errorf("EncodeConfigured(%q) = %v, which has not the right sum", text, ids)
			wrong++
		}
		if c.Decoded != nil && sum(tok.Decode(ids, false)) != c.Decoded[i] {
			t.Errorf("Decode(%v) = %q, which has not the right sum", ids, tok.Decode(ids, false))
			wrong++
		}
		if c.Plain != nil && sum(tok.Decode(ids, true)) != c.Plain[i] {
			t.Errorf("without special tokens Decode(%v) = %q, which has not the right sum", ids, tok.Decode(ids, true))
			wrong++
		}
		if wrong > 5 {
			t.Fatal("and more")
		}
	}
}

func sum(text string) uint16 { return uint16(crc32.ChecksumIEEE([]byte(text))) }

func sumOfIDs(ids []int64) uint16 {
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return sum(string(b))
}
