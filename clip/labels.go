package clip

import (
	"context"
	"fmt"
	"strings"

	"github.com/maypok86/otter/v2"

	"penstock/tokenizer"
)

// placeholder is where a template takes a label. It is there once.
const placeholder = "{}"

// labelMemory bounds the embeddings of labels that are kept, in bytes.
const labelMemory = 64 << 20

// A reader turns texts into the tokens that the text tower takes.
type reader struct {
	tokens  *tokenizer.Tokenizer
	context int // tokens of a text
}

// read returns a text's tokens, between CLIP's start and end. What is too long is cut off before the end.
func (r reader) read(text string) []int64 { return r.tokens.EncodeTruncated(text, r.context) }

// readAll is read, but cuts nothing off.
func (r reader) readAll(text string) []int64 {
	return r.tokens.Encode(text, tokenizer.EncodeOptions{WithSpecial: true, ParseSpecial: true})
}

// A labelStore embeds sets of labels, each set once for as long as it is kept. The default set stays for good.
type labelStore struct {
	towers   *towers
	reader   reader
	base     string
	defaults vectors
	cache    *otter.Cache[string, vectors]
}

func newLabelStore(ctx context.Context, t *towers, r reader, labels []string, template string) (*labelStore, error) {
	s := &labelStore{towers: t, reader: r}
	var err error
	s.cache, err = otter.New(&otter.Options[string, vectors]{
		MaximumWeight: labelMemory,
		Weigher:       func(key string, v vectors) uint32 { return uint32(len(key) + 4*len(v.values)) },
	})
	if err != nil {
		return nil, fmt.Errorf("cache of labels: %w", err)
	}
	if s.defaults, err = s.embed(ctx, labels, template); err != nil {
		return nil, fmt.Errorf("embedding the labels: %w", err)
	}
	s.base = setKey(labels, template)
	return s, nil
}

// vectors returns the embedding of each label in the template. It takes a run of the text tower when the set is new; who
// asks for the same set meanwhile waits for that run.
func (s *labelStore) vectors(ctx context.Context, labels []string, template string) (vectors, error) {
	key := setKey(labels, template)
	if key == s.base {
		return s.defaults, nil
	}
	return s.cache.Get(ctx, key, otter.LoaderFunc[string, vectors](func(ctx context.Context, _ string) (vectors, error) {
		v, err := s.embed(ctx, labels, template)
		if ctx.Err() != nil { // said plainly, so that others who wait for this set try themselves
			return v, ctx.Err()
		}
		return v, err
	}))
}

func (s *labelStore) embed(ctx context.Context, labels []string, template string) (vectors, error) {
	ids := make([][]int64, len(labels))
	for i, label := range labels {
		if err := ctx.Err(); err != nil {
			return vectors{}, err
		}
		ids[i] = s.reader.read(strings.Replace(template, placeholder, label, 1))
		if len(ids[i]) == 0 {
			return vectors{}, fmt.Errorf("label %d has no tokens: tokenizer.json puts no start and end around a text", i)
		}
	}
	return s.towers.texts(ctx, ids)
}

// setKey names a set of labels in a template. No text of a request holds a NUL.
func setKey(labels []string, template string) string {
	return template + "\x00" + strings.Join(labels, "\x00")
}
