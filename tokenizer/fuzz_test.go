package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"penstock/tokenizer"
)

// FuzzParse parses arbitrary files. Those that are accepted must also work.
func FuzzParse(f *testing.F) {
	f.Add(render(byteLevel()), "ab ab")
	f.Add(render(llama()), "ab é</s>")
	f.Add([]byte(`{"model": {"vocab": {"a": 0}, "merges": [["a", "a"]]}}`), "a")
	f.Add([]byte(`{"added_tokens": [{"id": 1048576}], "decoder": {"type": "Sequence", "decoders": [null]}}`), "")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		tok, err := tokenizer.Parse(data)
		if err != nil {
			return
		}
		ids := encode(t, tok, text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
		decoded := tok.Decode(ids, false)
		if decoded != strings.ToValidUTF8(decoded, "\uFFFD") {
			t.Errorf("%q decoded to invalid UTF-8: %q", text, decoded)
		}
	})
}

// FuzzRoundTrip encodes arbitrary text with SmolLM2's byte-level vocabulary. The ids contain no
// special token, and Decode and a StreamDecoder return the text. (Characters with bytes that the
// vocabulary has no token for are removed: some of Unicode's controls and unassigned planes.)
func FuzzRoundTrip(f *testing.F) {
	for _, text := range []string{"a photo of a cat", "Don't  PANIC! 123\n\n", "déjà vu 🙂 日本語", "<|im_start|>x", "\xff\xe2\x82"} {
		f.Add(text)
	}
	tok := loadSmolLM2(f)
	var known [256]bool
	for id := range int64(tok.VocabSize()) {
		if b := tok.TokenBytes(id); len(b) == 1 {
			known[b[0]] = true
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.Map(func(r rune) rune {
			for _, b := range []byte(string(r)) {
				if !known[b] {
					return -1
				}
			}
			return r
		}, text)
		ids := encode(t, tok, text, tokenizer.EncodeOptions{})
		if slices.ContainsFunc(ids, tok.IsSpecial) {
			t.Errorf("%q became %v, with a special token", text, ids)
		}
		want := strings.ToValidUTF8(text, "\uFFFD")
		if got := tok.Decode(ids, false); got != want {
			t.Errorf("%q decoded to %q", want, got)
		}
		var stream strings.Builder
		d := tok.NewDecoder()
		for _, id := range ids {
			stream.WriteString(d.Push(id))
		}
		stream.WriteString(d.Flush())
		if stream.String() != want {
			t.Errorf("%q decoded as a stream to %q", want, &stream)
		}
	})
}
