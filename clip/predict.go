package clip

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// A feed is a request and its pictures, ready for a run.
type feed struct {
	request  Request
	pictures *stack
}

// raw is what the towers say of one request, or why they don't.
type raw struct {
	request        Request
	images, labels vectors
	err            error
}

func (m *Model) preprocess(ctx context.Context, r Request) (feed, error) {
	if len(r.Labels) == 0 {
		r.Labels = m.options.Labels
	}
	if r.Template == "" {
		r.Template = m.options.Template
	}
	if err := r.check(); err != nil {
		return feed{}, err
	}
	pictures, err := m.gather(ctx, r.Pictures, r.nameOf)
	return feed{r, pictures}, err
}

// nameOf says what errors call a picture, where there are several.
func (r Request) nameOf(i int) string {
	switch {
	case len(r.Pictures) == 1:
		return ""
	case r.Pictures[i].Data == nil:
		return fmt.Sprintf("urls[%d]", i)
	}
	return fmt.Sprintf("pictures[%d]", i)
}

// predict runs the vision tower over all pictures of all requests, and the text tower over labels that are new.
func (m *Model) predict(ctx context.Context, feeds []feed) ([]raw, error) {
	stacks := make([]*stack, len(feeds))
	for i, f := range feeds {
		stacks[i] = f.pictures
	}
	seen, err := m.see(ctx, stacks)
	if err != nil {
		return nil, err
	}
	raws := make([]raw, len(feeds))
	for i, f := range feeds {
		raws[i] = raw{request: f.request, images: seen[i].vectors, err: seen[i].err}
		if raws[i].err == nil {
			raws[i].labels, raws[i].err = m.labels.vectors(ctx, f.request.Labels, f.request.Template)
		}
	}
	return raws, nil
}

// postprocess turns cosines into logits and those into probabilities, and keeps the columns that are asked for.
func (m *Model) postprocess(_ context.Context, r raw) (Result, error) {
	if r.err != nil {
		return Result{}, r.err
	}
	result := Result{Labels: r.request.Labels, bare: r.request.Bare}
	for i := range r.images.count() {
		logits := m.logits(r.images.at(i), r.labels)
		result.Logits = append(result.Logits, logits)
		result.Probabilities = append(result.Probabilities, softmax(logits))
	}
	return result.best(r.request.TopK), nil
}

// logits holds a picture against texts.
func (m *Model) logits(picture []float32, texts vectors) []float32 {
	logits := make([]float32, texts.count())
	for i := range logits {
		logits[i] = float32(m.scale * dot(picture, texts.at(i)))
	}
	return logits
}

func softmax(logits []float32) []float32 {
	largest := slices.Max(logits)
	weights := make([]float64, len(logits))
	sum := 0.0
	for i, l := range logits {
		weights[i] = math.Exp(float64(l - largest))
		sum += weights[i]
	}
	probabilities := make([]float32, len(logits))
	for i, w := range weights {
		probabilities[i] = float32(w / sum)
	}
	return probabilities
}
