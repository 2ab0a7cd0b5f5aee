package tokenizer

import (
	"fmt"
	"strings"
	"time"
)

// Tokenizer converts text to token ids and back. It is immutable and safe for concurrent use.
type Tokenizer struct {
	tokens    []string         // by id, as the file spells them; "" for an unused id
	added     map[int64]string // content of added tokens by id
	special   map[int64]bool
	addedIDs  map[string]int64
	literal   cutter // added tokens found in the original text
	rewritten cutter // added tokens found in the normalised text
	normalize rewrite
	split     splitter
	model     model
	before    []int64 // ids that WithSpecial adds before and after a text
	after     []int64
	decoder   decoder

	limit time.Duration // of the expressions on one text

	truncation *truncation // nil: EncodeConfigured does not cut
	padding    *Padding    // nil: it does not pad
}

// EncodeOptions controls what Encode does with special tokens. The zero value is safe for text from
// users: nothing is added, and no text becomes a special token.
type EncodeOptions struct {
	// WithSpecial adds the tokens that the file's post_processor puts around a text (CLIP: start
	// and end).
	WithSpecial bool
	// ParseSpecial recognises special tokens spelled out in the text, such as <|im_start|> in a
	// rendered chat template. Without it they are ordinary text, and the only special id that can
	// result is the one for unknown characters. (Added tokens that are not special are always
	// recognised.)
	ParseSpecial bool
}

// Parse reads the contents of a tokenizer.json. A setting that the package does not support is an
// error that names it.
func Parse(data []byte) (*Tokenizer, error) {
	f, err := parseFile(data)
	if err != nil {
		return nil, err
	}
	t, err := build(f)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

func build(f *file) (t *Tokenizer, err error) {
	t = &Tokenizer{limit: matchLimit, truncation: f.Truncation}
	if err := f.Truncation.check(); err != nil {
		return nil, fmt.Errorf("truncation: %w", err)
	}
	if t.padding, err = f.Padding.read(); err != nil {
		return nil, fmt.Errorf("padding: %w", err)
	}
	if t.normalize, err = newNormalizer(f.Normalizer); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if t.split, err = newSplitter(f.PreTokenizer); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if t.before, t.after, err = newPostProcessor(f.PostProcessor); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	if t.decoder, err = newDecoder(f.Decoder, f.Model.Suffix); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if err = t.addTokens(f); err != nil {
		return nil, fmt.Errorf("added_tokens: %w", err)
	}
	if t.model, err = newModel(&f.Model, t.special); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return t, nil
}

// addTokens fills the tables of tokens and the two cutters.
func (t *Tokenizer) addTokens(f *file) error {
	last := int64(-1)
	for _, id := range f.Model.Vocab.ids {
		last = max(last, int64(id))
	}
	for _, a := range f.AddedTokens {
		if a.ID < 0 || a.ID > maxID {
			return fmt.Errorf("%q: its id %d is not in 0..%d", a.Content, a.ID, maxID)
		}
		if id, known := f.Model.Vocab.ids[a.Content]; known && int64(id) != a.ID {
			return fmt.Errorf("%q has id %d, but %d in the model's vocabulary", a.Content, a.ID, id)
		}
		last = max(last, a.ID)
	}
	t.tokens = make([]string, last+1)
	for token, id := range f.Model.Vocab.ids {
		t.tokens[id] = token
	}
	t.added, t.addedIDs, t.special = map[int64]string{}, map[string]int64{}, map[int64]bool{}
	for _, a := range f.AddedTokens {
		t.tokens[a.ID], t.added[a.ID], t.addedIDs[a.Content] = a.Content, a.Content, a.ID
		if a.Special {
			t.special[a.ID] = true
		}
		if a.Normalized {
			content, err := t.normalize(piece{text: a.Content}, time.Now().Add(t.limit))
			if err != nil {
				return fmt.Errorf("%q: %w", a.Content, err)
			}
			a.Content = content.text
			t.rewritten.add(a)
		} else {
			t.literal.add(a)
		}
	}
	return nil
}

// Encode returns the token ids of text. A character that is not in the vocabulary becomes the token
// for unknown characters, or is dropped if there is none. The error is nil or ErrTooSlow.
func (t *Tokenizer) Encode(text string, opts EncodeOptions) ([]int64, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	ids := make([]int64, 0, len(t.before)+len(text)/3+len(t.after))
	if opts.WithSpecial {
		ids = append(ids, t.before...)
	}
	appendTokens := t.model.encoder(opts.ParseSpecial)
	token := func(id int64) { ids = append(ids, id) }
	word := func(w piece) { ids = appendTokens(ids, w.text) }
	deadline := time.Now().Add(t.limit)
	var err error
	t.literal.cut(newPiece(text), opts.ParseSpecial, token, func(p piece) {
		if err == nil {
			p, err = t.normalize(p, deadline)
		}
		if err != nil {
			return
		}
		t.rewritten.cut(p, opts.ParseSpecial, token, func(p piece) {
			if err == nil {
				err = t.split(p, deadline, word)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	if opts.WithSpecial {
		ids = append(ids, t.after...)
	}
	return ids, nil
}

// EncodeTruncated encodes text with the file's start and end tokens, recognises special tokens in
// it, and returns at most limit ids: a long text loses its end, but never the end token. The result
// is that of transformers with truncation=True, max_length=limit. The error is Encode's.
func (t *Tokenizer) EncodeTruncated(text string, limit int) ([]int64, error) {
	ids, err := t.Encode(text, EncodeOptions{WithSpecial: true, ParseSpecial: true})
	if err != nil || len(ids) <= limit {
		return ids, err
	}
	after := t.after[:min(len(t.after), max(limit, 0))]
	return append(ids[:max(limit, 0)-len(after)], after...), nil
}

// ID returns the id of a token as tokenizer.json spells it ("Ġthe", "<|im_end|>").
func (t *Tokenizer) ID(token string) (id int64, ok bool) {
	if id, ok = t.addedIDs[token]; ok {
		return id, true
	}
	known, ok := t.model.id(token)
	return int64(known), ok
}

// Token returns the token with that id as tokenizer.json spells it. TokenBytes returns its bytes in
// a text.
func (t *Tokenizer) Token(id int64) (token string, ok bool) {
	if id < 0 || id >= int64(len(t.tokens)) || t.tokens[id] == "" {
		return "", false
	}
	return t.tokens[id], true
}

// IsSpecial reports whether id is a special token: one that controls the model and is not part of a
// text.
func (t *Tokenizer) IsSpecial(id int64) bool { return t.special[id] }

// VocabSize returns one more than the largest id, added tokens included. (A model may pad its
// logits beyond that.)
func (t *Tokenizer) VocabSize() int { return len(t.tokens) }
