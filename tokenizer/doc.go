// Package tokenizer converts text to a model's token ids and back, as the model's tokenizer.json
// specifies. Parse reads the file, Tokenizer.Encode and Tokenizer.Decode convert whole
// texts, and a StreamDecoder converts ids as they are generated, holding back incomplete
// characters. See the Example.
//
// The package implements BPE in the forms that Hugging Face's tokenizers library writes: byte-level
// (GPT-2, SmolLM2, Llama 3, Qwen2), CLIP's with </w>, and Llama 2's with ▁ and byte fallback.
// Anything else in a file is an error at load time that names it. The file's truncation and padding
// settings are ignored: limits on the length of a text are up to the caller.
//
// The package never guesses, keeps no state between calls, opens no files, and
// changes text only as the file specifies (invalid UTF-8 becomes U+FFFD).
//
// The source files follow the steps of Encode: added.go cuts out added tokens, normalizer.go
// rewrites the text between them, pretokenizer.go splits it into words, bpe.go merges the
// characters of each word into tokens, postprocessor.go adds start and end tokens. decoder.go is
// the reverse. file.go is the shape of tokenizer.json.
package tokenizer
