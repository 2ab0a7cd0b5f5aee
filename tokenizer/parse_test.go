package tokenizer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"penstock/tokenizer"
)

// byteLevel is a small byte-level file; its parts can be replaced one by one.
func byteLevel() map[string]string {
	return map[string]string{
		"added_tokens":   `[]`,
		"normalizer":     `null`,
		"pre_tokenizer":  `{"type": "ByteLevel", "add_prefix_space": false}`,
		"post_processor": `null`,
		"decoder":        `{"type": "ByteLevel"}`,
		"model":          `{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġab": 4, "|": 6}, "merges": ["a b", "Ġ ab"]}`,
	}
}

// llama is a small file like Llama 2's: ▁ for spaces, byte tokens for characters that are not in
// the vocabulary.
func llama() map[string]string {
	return map[string]string{
		"added_tokens":   `[{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}]`,
		"normalizer":     `{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}`,
		"pre_tokenizer":  `null`,
		"post_processor": `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}`,
		"decoder":        `{"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}`,
		"model": `{"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
			"vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0xC3>": 3, "<0xA9>": 4, "▁": 5, "a": 6, "b": 7, "▁a": 8, "▁ab": 9},
			"merges": [["▁", "a"], ["▁a", "b"]]}`,
	}
}

func render(parts map[string]string) []byte {
	var fields []string
	for name, value := range parts {
		fields = append(fields, fmt.Sprintf("%q: %s", name, value))
	}
	return []byte("{" + strings.Join(fields, ", ") + "}")
}

func mustParse(t *testing.T, parts map[string]string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Parse(render(parts))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestLlamaWithByteFallback(t *testing.T) {
	tok := mustParse(t, llama())
	for _, c := range []struct {
		text, back string
		ids        []int64
	}{
		{"ab a", "ab a", []int64{1, 9, 8}},
		{" ab", " ab", []int64{1, 5, 9}},
		{"aé", "aé", []int64{1, 8, 3, 4}},
		{"a日本b", "ab", []int64{1, 8, 0, 7}}, // one <unk>, which is special, for both
		{"", "", []int64{1}},
		{"a</s>b", "a b", []int64{1, 8, 2, 5, 7}}, // what follows a special token gets its own ▁
	} {
		ids := encode(t, tok, c.text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
		if !slices.Equal(ids, c.ids) {
			t.Errorf("Encode(%q) = %v, want %v", c.text, ids, c.ids)
		}
		if back := tok.Decode(ids, true); back != c.back {
			t.Errorf("Decode(%v) = %q, want %q", ids, back, c.back)
		}
		var stream strings.Builder
		d := tok.NewDecoder()
		for _, id := range ids {
			stream.WriteString(d.Push(id))
		}
		stream.WriteString(d.Flush())
		if stream.String() != c.back {
			t.Errorf("the stream of %v is %q, want %q", ids, &stream, c.back)
		}
	}
}

func TestPlainTextNeverBecomesASpecialToken(t *testing.T) {
	parts := byteLevel()
	parts["added_tokens"] = `[{"id": 2, "content": "ab", "special": true}, {"id": 6, "content": "|", "special": true}]`
	parts["model"] = `{"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1, "ab": 2, "|": 6}, "merges": ["a b"]}`
	tok := mustParse(t, parts)
	if ids := encode(t, tok, "ab|", tokenizer.EncodeOptions{}); !slices.Equal(ids, []int64{0, 1}) {
		t.Errorf("the text became %v, want the letters a and b", ids)
	}
	if ids := encode(t, tok, "ab|", parsed); !slices.Equal(ids, []int64{2, 6}) {
		t.Errorf("with ParseSpecial it became %v, want the two special tokens", ids)
	}
}

func TestAddedTokens(t *testing.T) {
	for name, c := range map[string]struct {
		token, text string
		want        []int64
	}{
		"the longest match":    {`{"id": 10, "content": "x"}, {"id": 11, "content": "xx"}`, "xxx", []int64{11, 10}},
		"single word":          {`{"id": 10, "content": "x", "single_word": true}`, "xb x|x", []int64{1, 3, 10, 6, 10}},
		"includes white space": {`{"id": 10, "content": "~", "lstrip": true, "rstrip": true}`, "b \n~ b", []int64{1, 10, 1}},
		"normalised":           {`{"id": 10, "content": "A", "normalized": true}`, "bA", []int64{1, 10}},
		"not normalised":       {`{"id": 10, "content": "A"}`, "aA", []int64{0, 10}},
		"empty":                {`{"id": 10, "content": ""}`, "a", []int64{0}},
	} {
		parts := byteLevel()
		parts["added_tokens"] = "[" + c.token + "]"
		parts["normalizer"] = `{"type": "Lowercase"}`
		if ids := encode(t, mustParse(t, parts), c.text, parsed); !slices.Equal(ids, c.want) {
			t.Errorf("%s: Encode(%q) = %v, want %v", name, c.text, ids, c.want)
		}
	}
}

func TestStepsInSequence(t *testing.T) {
	parts := byteLevel()
	parts["added_tokens"] = `[{"id": 10, "content": "<s>", "special": true}, {"id": 11, "content": "</s>", "special": true}]`
	parts["normalizer"] = `{"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}]}`
	parts["post_processor"] = `{"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "BertProcessing", "cls": ["<s>", 10], "sep": ["</s>", 11]}]}`
	parts["pre_tokenizer"] = `{"type": "ByteLevel", "add_prefix_space": true}`
	tok := mustParse(t, parts)
	want := []int64{10, 4, 4, 11}
	if ids := encode(t, tok, "ＡB\u3000\t AB", tokenizer.EncodeOptions{WithSpecial: true}); !slices.Equal(ids, want) {
		t.Errorf("Encode gave %v, want %v", ids, want)
	}
}

// TestUnsupportedSettingsAreNamed checks that the error for an unsupported setting names it.
func TestUnsupportedSettingsAreNamed(t *testing.T) {
	for _, c := range []struct{ part, value, want string }{
		{"model", `{"type": "WordLevel", "vocab": {"a": 0}}`, `model: type "WordLevel"`},
		{"model", `{"type": "Unigram", "unk_id": 1, "vocab": [["<unk>", 0.0]]}`, "unk_id 1"},
		{"model", `{"type": "Unigram", "unk_id": -1, "vocab": [["<unk>", 0.0]]}`, "unk_id -1"},
		{"model", `{"type": "Unigram", "vocab": []}`, "vocab is missing or empty"},
		{"model", `{"type": "Unigram", "vocab": {"a": 0}}`, "a Unigram model's"},
		{"model", `{"type": "Unigram", "vocab": [["a", 0], ["b"]]}`, `entry 1: it should be ["token", score]`},
		{"model", `{"type": "Unigram", "vocab": [["a", "0"]]}`, "entry 0"},
		{"model", `{"type": "Unigram", "vocab": ["a"]}`, "entry 0"},
		{"model", `{"type": "BPE", "vocab": [["a", 0]]}`, "a BPE model's"},
		{"model", `{"type": "WordPiece", "vocab": {"a": 0}}`, "unk_token is missing"},
		{"model", `{"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"a": 0}}`, `unk_token "[UNK]"`},
		{"model", `{"type": "WordPiece", "unk_token": "a", "max_input_chars_per_word": -1, "vocab": {"a": 0}}`, "max_input_chars_per_word -1"},
		{"model", `{"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []}`, "dropout"},
		{"model", `{"type": "BPE", "unk_token": "<unk>", "vocab": {"a": 0}, "merges": []}`, `unk_token "<unk>"`},
		{"model", `{"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}`, `merge 0, "a" with "b"`},
		{"model", `{"type": "BPE", "vocab": {"a": 0}, "merges": ["a b c"]}`, "merge 0"},
		{"model", `{"type": "BPE", "vocab": {"a": 0}, "merges": [7]}`, "merge 0"},
		{"model", `{"type": "BPE", "vocab": {"a": 99999999999}, "merges": []}`, "99999999999"},
		{"model", `{"type": "BPE", "vocab": {"a": -1}, "merges": []}`, "-1"},
		{"model", `{"type": "BPE", "vocab": {}, "merges": []}`, "vocab"},
		{"normalizer", `{"type": "Precompiled", "precompiled_charsmap": ""}`, "normalizer: its precompiled_charsmap: it is empty"},
		{"normalizer", `{"type": "Precompiled", "precompiled_charsmap": "?"}`, "normalizer: its precompiled_charsmap: illegal base64"},
		{"normalizer", `{"type": "Precompiled", "precompiled_charsmap": "CAAAAAAAAAA="}`, "a trie of 8 bytes in 4 bytes"},
		{"normalizer", `{"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAD/"}`, "not UTF-8"},
		{"normalizer", `{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "ByteLevel"}]}`, `normalizer: type "ByteLevel"`},
		{"normalizer", `{"type": "Replace", "pattern": {"Regex": "("}, "content": ""}`, "normalizer: its Replace: regular expression"},
		{"normalizer", `{"type": "Replace", "content": ""}`, "a Replace without a pattern"},
		{"pre_tokenizer", `{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "last"}`, `prepend_scheme "last"`},
		{"pre_tokenizer", `{"type": "Metaspace", "replacement": "ab"}`, `replacement "ab"`},
		{"pre_tokenizer", `{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "add_prefix_space": false}`, "add_prefix_space false"},
		{"pre_tokenizer", `{"type": "Sequence", "pretokenizers": [{"type": "FixedLength"}]}`, `pre_tokenizer: type "FixedLength"`},
		{"pre_tokenizer", `{"type": "Punctuation", "behavior": "Other"}`, `behavior "Other"`},
		{"pre_tokenizer", `{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Other"}`, `behavior "Other"`},
		{"pre_tokenizer", `{"type": "Split", "behavior": "Isolated"}`, "Split without a pattern"},
		{"pre_tokenizer", `{"type": "Split", "pattern": {"Regex": "[a"}, "behavior": "Isolated"}`, "pre_tokenizer: its Split: regular expression"},
		{"post_processor", `{"type": "Other"}`, `post_processor: type "Other"`},
		{"post_processor", `{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}`, `"<s>"`},
		{"post_processor", `{"type": "TemplateProcessing", "single": []}`, "0 times"},
		{"decoder", `{"type": "CTC"}`, `decoder: type "CTC"`},
		{"decoder", `{"type": "WordPiece"}`, "WordPiece without a prefix"},
		{"decoder", `{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": "ab", "start": 1, "stop": 0}]}`, `Strip of "ab"`},
		{"decoder", `{"type": "Sequence", "decoders": [{"type": "Strip", "content": " ", "start": -1, "stop": 0}]}`, "-1 at the start"},
		{"decoder", `{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Metaspace", "replacement": "▁"}]}`, "Metaspace after Fuse"},
		{"decoder", `{"type": "Metaspace"}`, `replacement ""`},
		{"decoder", `{"type": "Sequence", "decoders": [null]}`, "null"},
		{"decoder", `{"type": "Replace", "pattern": {"Regex": "a"}, "content": ""}`, "Replace without a String"},
		{"added_tokens", `[{"id": 7, "content": "ab"}]`, `"ab" has id 7, but 2`},
		{"added_tokens", `[{"id": -7, "content": "x"}]`, `"x": its id -7`},
		{"added_tokens", `{}`, "added_tokens"},
	} {
		parts := byteLevel()
		parts[c.part] = c.value
		_, err := tokenizer.Parse(render(parts))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: error %v, want one with %s", c.part, c.value, err, c.want)
		}
	}
}

func TestParseMalformedFiles(t *testing.T) {
	for _, data := range []string{"", "[]", "{", "null", `{"model": 1}`, "{} {}"} {
		if _, err := tokenizer.Parse([]byte(data)); err == nil {
			t.Errorf("%q was parsed", data)
		}
	}
}
