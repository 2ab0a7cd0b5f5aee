package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"penstock/tokenizer"
)

func TestDecoders(t *testing.T) {
	const vocab = `"vocab": {"a": 0, "b": 1, "##b": 2, ".": 3, "a</w>": 4, "▁a": 5, " a ": 6, "_a_": 7, "<0xE2>": 8, "<0x82>": 9, "<0xAC>": 10, "n't": 11}`
	for _, c := range []struct {
		decoder string
		ids     []int64
		want    string
	}{
		{`null`, []int64{0, 1, 0}, "a b a"},
		{`{"type": "WordPiece", "prefix": "##", "cleanup": true}`, []int64{2, 2, 0, 11, 3}, "##bb an't."},
		{`{"type": "WordPiece", "prefix": "##", "cleanup": false}`, []int64{0, 2, 0, 3}, "ab a ."},
		{`{"type": "BPEDecoder", "suffix": "</w>"}`, []int64{0, 4, 1, 4}, "aa ba"},
		{`{"type": "Metaspace", "replacement": "▁"}`, []int64{5, 5}, "a a"},
		{`{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never"}`, []int64{5, 5}, " a a"},
		{`{"type": "Metaspace", "replacement": "▁", "add_prefix_space": false}`, []int64{5, 5}, " a a"},
		{`{"type": "Strip", "content": " ", "start": 1, "stop": 1}`, []int64{6, 6}, "aa"},
		{`{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]}`, []int64{6, 6}, "a  a"},
		{`{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": "_", "start": 2, "stop": 2}]}`, []int64{7, 7}, "a__a"},
		{`{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": "€", "start": 1, "stop": 1}]}`, []int64{8, 9, 10, 0, 8, 9, 10}, "a"},
		{`{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": "€", "start": 1, "stop": 1}]}`, []int64{8, 9}, "\uFFFD"},
		{`{"type": "Sequence", "decoders": [{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "a"}, "content": "c"}]}]}`, []int64{0, 1}, "cb"},
	} {
		parts := byteLevel()
		parts["decoder"], parts["model"] = c.decoder, `{"type": "BPE", "merges": [], `+vocab+`}`
		tok := mustParse(t, parts)
		if got := tok.Decode(c.ids, false); got != c.want {
			t.Errorf("%s: Decode(%v) = %q, want %q", c.decoder, c.ids, got, c.want)
		}
		var stream strings.Builder
		d := tok.NewDecoder()
		for _, id := range c.ids {
			stream.WriteString(d.Push(id))
		}
		stream.WriteString(d.Flush())
		if stream.String() != c.want {
			t.Errorf("%s: the stream of %v is %q, want %q", c.decoder, c.ids, &stream, c.want)
		}
	}
}

func TestBPEWithAPrefix(t *testing.T) {
	parts := byteLevel()
	parts["pre_tokenizer"] = `{"type": "WhitespaceSplit"}`
	parts["model"] = `{"type": "BPE", "continuing_subword_prefix": "##", "vocab": {"a": 0, "##a": 1, "##b": 2, "aa": 3, "##bb": 4}, "merges": ["a ##a", "##b ##b"]}`
	if ids := encode(t, mustParse(t, parts), "aabb ab", parsed); !slices.Equal(ids, []int64{3, 4, 0, 2}) {
		t.Errorf("got %v", ids)
	}
}

// Text that a normalizer makes a special token of is one only if special tokens are recognised.
func TestNormalizedTextNeverBecomesASpecialToken(t *testing.T) {
	f := readFamilies(t)
	tok := f.parse(t, "xlmr", nil)
	unknown, _ := tok.ID("<unk>")
	special := func(id int64) bool { return tok.IsSpecial(id) && id != unknown }
	for _, text := range []string{"＜s＞", "a<pa\x01d>b", "<s>", "<mask>"} {
		if ids := encode(t, tok, text, tokenizer.EncodeOptions{}); slices.ContainsFunc(ids, special) {
			t.Errorf("%q became %v, with a special token", text, ids)
		}
		if ids := encode(t, tok, text, parsed); !slices.ContainsFunc(ids, special) {
			t.Errorf("with ParseSpecial %q became %v, without one", text, ids)
		}
	}
}

func TestLimitsOfAFile(t *testing.T) {
	parts := byteLevel()
	tok := mustParse(t, parts)
	if p, ok := tok.Padding(); ok {
		t.Errorf("a file without padding has %v", p)
	}
	parts["padding"] = `{"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": 4, "pad_id": 6}`
	p, ok := mustParse(t, parts).Padding()
	if want := (tokenizer.Padding{ID: 6, Left: true, Multiple: 4}); !ok || p != want {
		t.Errorf("padding %v, %v, want %v", p, ok, want)
	}
	if ids := p.Pad([]int64{1, 2}, 3); !slices.Equal(ids, []int64{6, 6, 1, 2}) {
		t.Errorf("padded to %v", ids)
	}
	for section, values := range map[string]map[string]string{
		"padding": {
			`{"strategy": "Longest", "pad_id": 0}`:                                        "BatchLongest",
			`{"strategy": {"Other": 1}, "pad_id": 0}`:                                     "BatchLongest",
			`{"strategy": {"Fixed": 99999999}, "pad_id": 0}`:                              "99999999",
			`{"strategy": "BatchLongest", "pad_id": -1}`:                                  "pad_id -1",
			`{"strategy": "BatchLongest", "direction": "Up", "pad_id": 0}`:                `direction "Up"`,
			`{"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": -2}`: "-2",
		},
		"truncation": {
			`{"max_length": -1, "strategy": "LongestFirst"}`:                   "max_length -1",
			`{"max_length": 1, "strategy": "OnlySecond"}`:                      `strategy "OnlySecond"`,
			`{"max_length": 1, "strategy": "OnlyFirst", "direction": "Other"}`: `direction "Other"`,
		},
	} {
		for value, want := range values {
			parts := byteLevel()
			parts[section] = value
			if _, err := tokenizer.Parse(render(parts)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: error %v, want one with %s", section, value, err, want)
			}
		}
	}
}
