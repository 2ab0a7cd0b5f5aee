// Package tokenizer converts text to a model's token ids and back, as the model's tokenizer.json
// specifies. Parse reads the file, Tokenizer.Encode and Tokenizer.Decode convert whole texts, and a
// StreamDecoder converts ids as they are generated, holding back incomplete characters. See the
// Example.
//
// The package implements the models that Hugging Face's tokenizers library writes: BPE (byte-level
// as in GPT-2, SmolLM2, Llama 3 and Qwen2; CLIP's with </w>; Llama 2's, Gemma's and SigLIP 2's with
// ▁ and byte fallback), Unigram (SigLIP, XLM-RoBERTa, T5) and WordPiece (BERT), and the steps
// before and after them. Anything else in a file is an error at load time that names it.
// ParseFolder also reads the files that CLIP and BERT had before tokenizer.json. The file's
// truncation and padding settings are those of EncodeConfigured only: limits on the length of a
// text are up to the caller.
//
// The package never guesses, keeps no state between calls, opens no files, and changes text only as
// the file specifies (invalid UTF-8 becomes U+FFFD).
//
// The source files follow the steps of Encode: added.go cuts out added tokens; normalizer.go
// rewrites the text between them, with precompiled.go, characters.go and normalform.go;
// pretokenizer.go splits it into words, with split.go, metaspace.go and scripts.go; bpe.go,
// unigram.go or wordpiece.go converts each word to tokens; postprocessor.go adds start and end
// tokens. decoder.go and stream.go are the reverse. file.go and vocabulary.go are the shape of
// tokenizer.json.
package tokenizer
