// Package tokenizer turns text into a model's token ids and back, as the tokenizer.json beside the model says.
//
//	t, err := tokenizer.Load("model/tokenizer.json")
//	ids := t.Encode("Once upon a time", tokenizer.EncodeOptions{WithSpecial: true})
//	text := t.Decode(ids, true)
//
// A generator decodes as its tokens come; half a character waits for its other half:
//
//	d := t.NewDecoder()
//	for id := range tokens {
//		write(d.Push(id))
//	}
//	write(d.Flush())
//
// It knows BPE in the forms that Hugging Face's tokenizers writes: byte-level (GPT-2, SmolLM2, Llama 3, Qwen2), CLIP's
// with </w>, and Llama 2's with ▁ and byte fallback. Whatever else a file asks for is an error at load that names it.
// The file's truncation and padding are not looked at: how long a text may be is the caller's affair.
//
// The package never guesses, keeps no state between calls, reads nothing but the one file, and changes nothing in the
// text but what the file says (bytes that aren't UTF-8 become U+FFFD).
//
// Files follow a text's way: added.go cuts out added tokens, normalizer.go rewrites what lies between, pretokenizer.go
// splits it into words, bpe.go merges each word's characters into tokens, postprocessor.go puts start and end around
// them; decoder.go goes the way back. file.go is the shape of tokenizer.json.
package tokenizer
