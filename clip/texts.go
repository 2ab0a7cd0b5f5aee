package clip

import (
	"context"
	"slices"

	"penstock/memory"
)

// A text is one that has been tokenised.
type text struct {
	text string
	ids  []int64
}

// textsOf returns the texts of several requests, in order.
func textsOf(feeds []embedFeed) (all []text) {
	for _, f := range feeds {
		ids := f.texts
		for _, item := range f.request.Input.Items {
			if item.Text != nil {
				all = append(all, text{*item.Text, ids[0]})
				ids = ids[1:]
			}
		}
	}
	return all
}

// texts returns the vectors of texts. It runs the text tower once for all that are not in the
// cache, each of them once.
func (s *labelStore) texts(ctx context.Context, all []text) (vectors, error) {
	found := make(map[string][]float32, len(all))
	var missing []text
	for _, t := range all {
		if _, ok := found[t.text]; ok {
			continue
		}
		kept, ok := s.cache.GetIfPresent(textKey(t.text))
		if found[t.text] = kept.values; !ok {
			missing = append(missing, t)
		}
	}
	ids := make([][]int64, len(missing))
	for i, t := range missing {
		ids[i] = t.ids
	}
	computed, err := s.towers.texts(ctx, ids)
	if err != nil {
		return vectors{}, err
	}
	for i, t := range missing {
		found[t.text] = computed.at(i)
		s.keep(ctx, t.text, computed.at(i))
	}
	var result vectors
	for _, t := range all {
		result = result.append(vectors{found[t.text], len(found[t.text])})
	}
	return result, nil
}

// keep puts a text's vector into the cache, if there is memory for it.
func (s *labelStore) keep(ctx context.Context, text string, vector []float32) {
	key := textKey(text)
	held, ok := memory.From(ctx).Keep(int64(len(key) + 4*len(vector)))
	if !ok {
		return
	}
	s.cache.Set(key, keptVectors{vectors{slices.Clone(vector), len(vector)}, held})
}

// textKey is the key of one text's vector. No setKey begins with a NUL, as every template has a
// placeholder and no NUL.
func textKey(text string) string { return "\x00" + text }
