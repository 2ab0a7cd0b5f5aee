package clip

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// A feed is a request with its pictures decoded, ready for a run.
type feed struct {
	request  Request
	pictures *imageBuffer
}

// A raw is what a run computes for one request, or the request's error.
type raw struct {
	request        Request
	images, labels vectors
	err            error
}

func (m *Model) preprocess(ctx context.Context, r Request) (feed, error) {
	if err := m.scoring.check(); err != nil {
		return feed{}, err
	}
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

// nameOf returns how errors refer to a picture, where there are several.
func (r Request) nameOf(i int) string {
	switch {
	case len(r.Pictures) == 1:
		return ""
	case r.Pictures[i].Data == nil:
		return fmt.Sprintf("urls[%d]", i)
	}
	return fmt.Sprintf("pictures[%d]", i)
}

// predict runs the vision tower over all pictures of all requests, and the text tower over labels
// that are new.
func (m *Model) predict(ctx context.Context, feeds []feed) ([]raw, error) {
	buffers := make([]*imageBuffer, len(feeds))
	for i, f := range feeds {
		buffers[i] = f.pictures
	}
	embedded, err := m.embedPictures(ctx, buffers)
	if err != nil {
		return nil, err
	}
	raws := make([]raw, len(feeds))
	for i, f := range feeds {
		raws[i] = raw{request: f.request, images: embedded[i].vectors, err: embedded[i].err}
		if raws[i].err == nil {
			raws[i].labels, raws[i].err = m.labels.vectors(ctx, f.request.Labels, f.request.Template)
		}
	}
	return raws, nil
}

// postprocess converts cosines into logits and those into probabilities, and keeps the columns of
// the TopK likeliest labels.
func (m *Model) postprocess(_ context.Context, r raw) (Result, error) {
	if r.err != nil {
		return Result{}, r.err
	}
	result := Result{Labels: r.request.Labels, Activation: m.scoring.activation(), bare: r.request.Bare}
	for i := range r.images.count() {
		logits := m.logits(r.images.at(i), r.labels)
		result.Logits = append(result.Logits, logits)
		result.Probabilities = append(result.Probabilities, m.scoring.probabilities(logits))
	}
	return result.best(r.request.TopK), nil
}

// logits compares a picture with texts.
func (m *Model) logits(picture []float32, texts vectors) []float32 {
	logits := make([]float32, texts.count())
	for i := range logits {
		logits[i] = m.scoring.logit(dot(picture, texts.at(i)))
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
