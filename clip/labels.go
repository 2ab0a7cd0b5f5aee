package clip

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maypok86/otter/v2"

	"penstock/apierr"
	"penstock/memory"
	"penstock/tokenizer"
)

// placeholder is where a template has the label. A template has it once.
const placeholder = "{}"

// labelMemory bounds the label embeddings in the cache, in bytes.
const labelMemory = 64 << 20

// A textTokenizer converts texts to the tokens that the text tower takes.
type textTokenizer struct {
	tokenizer *tokenizer.Tokenizer
	context   int  // tokens of a text
	canonical bool // texts are cleaned as open_clip does for SigLIP
}

// encodeTruncated returns a text's tokens, between CLIP's start and end. A text that is too long is
// cut before the end.
func (t textTokenizer) encodeTruncated(text string) ([]int64, error) {
	return t.tokenizer.EncodeTruncated(t.cleaned(text), t.context)
}

// encode returns all tokens of a text.
func (t textTokenizer) encode(text string) ([]int64, error) {
	return t.tokenizer.Encode(t.cleaned(text), tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
}

// A labelStore embeds sets of labels, each once for as long as it is in the cache. The default set
// is kept as long as the store.
type labelStore struct {
	towers     *towers
	tokens     textTokenizer
	defaultKey string
	defaults   vectors // of the model's own labels; none where it has none, but with their size
	cache      *otter.Cache[string, keptVectors]
}

// keptVectors are vectors in the cache, and the memory that is held until they are deleted.
type keptVectors struct {
	vectors
	held *memory.Reservation
}

// notKept is the error of loading vectors for which there is no memory in the cache.
type notKept struct{ vectors }

func (*notKept) Error() string { return "there is no memory to keep the labels" }

func newLabelStore(ctx context.Context, t *towers, tokens textTokenizer, labels []string, template string) (*labelStore, error) {
	s := &labelStore{towers: t, tokens: tokens}
	var err error
	s.cache, err = otter.New(&otter.Options[string, keptVectors]{
		MaximumWeight:    labelMemory,
		Weigher:          func(key string, v keptVectors) uint32 { return uint32(len(key) + 4*len(v.values)) },
		OnAtomicDeletion: func(e otter.DeletionEvent[string, keptVectors]) { e.Value.held.Close() },
	})
	if err != nil {
		return nil, fmt.Errorf("cache of labels: %w", err)
	}
	if s.defaults, err = s.embed(ctx, labels, template); err != nil {
		return nil, fmt.Errorf("embedding the labels: %w", err)
	}
	s.defaultKey = setKey(labels, template)
	return s, nil
}

// dropDefaults drops the set that newLabelStore embedded, but not the size of its vectors.
func (s *labelStore) dropDefaults() {
	s.defaultKey, s.defaults = "", vectors{size: s.defaults.size}
}

// vectors returns the embedding of each label in the template. It runs the text tower when the set
// is new; concurrent calls for the same set wait for that run.
func (s *labelStore) vectors(ctx context.Context, labels []string, template string) (vectors, error) {
	key := setKey(labels, template)
	if key == s.defaultKey {
		return s.defaults, nil
	}
	kept, err := s.cache.Get(ctx, key, otter.LoaderFunc[string, keptVectors](func(ctx context.Context, _ string) (k keptVectors, err error) {
		k.vectors, err = s.embed(ctx, labels, template)
		if ctx.Err() != nil { // unwrapped, so that concurrent calls for this set retry
			return k, ctx.Err()
		}
		if err != nil {
			return k, err
		}
		held, ok := memory.From(ctx).Keep(int64(len(key) + 4*len(k.values)))
		if !ok {
			return k, &notKept{k.vectors}
		}
		k.held = held
		return k, nil
	}))
	if n, ok := errors.AsType[*notKept](err); ok { // for calls at the same time only
		return n.vectors, nil
	}
	return kept.vectors, err
}

func (s *labelStore) embed(ctx context.Context, labels []string, template string) (vectors, error) {
	ids := make([][]int64, len(labels))
	for i, label := range labels {
		if err := ctx.Err(); err != nil {
			return vectors{}, err
		}
		var err error
		if ids[i], err = s.tokens.encodeTruncated(strings.Replace(template, placeholder, label, 1)); err != nil {
			return vectors{}, tooSlow(fmt.Sprintf("labels[%d]", i), err)
		}
		if len(ids[i]) == 0 {
			return vectors{}, fmt.Errorf("label %d has no tokens: tokenizer.json puts no start and end around a text", i)
		}
	}
	return s.towers.texts(ctx, ids)
}

// tooSlow is the error of a text that the tokenizer gave up. param names it in the request.
func tooSlow(param string, cause error) error {
	e := apierr.InvalidInput(ReasonBadText, "%s cannot be split into tokens in time by this model's tokenizer: shorten it", param)
	e.Param, e.Cause = param, cause
	return e
}

// setKey is the key of a set of labels in a template. None of them contains a NUL.
func setKey(labels []string, template string) string {
	return template + "\x00" + strings.Join(labels, "\x00")
}
