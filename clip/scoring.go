package clip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"penstock/apierr"
	"penstock/modeldir"
)

// A scoring is how cosines become logits, and logits probabilities.
type scoring struct {
	scale   float64 // the factor from cosines to logits
	bias    float64 // what is added then
	sigmoid bool    // a probability is each label's own
	unknown error   // why scale and bias are not known; nil: they are
}

// check returns the error of a request for logits or probabilities where there can be none.
func (s scoring) check() error {
	if s.unknown == nil {
		return nil
	}
	e := apierr.InvalidInput(ReasonNoLogitScale, "this model makes embeddings and rankings, but no probabilities: %s", s.unknown)
	e.Cause = s.unknown
	return e
}

// logit converts a cosine.
func (s scoring) logit(cosine float64) float32 { return float32(s.scale*cosine + s.bias) }

// probabilities converts logits.
func (s scoring) probabilities(logits []float32) []float32 {
	if !s.sigmoid {
		return softmax(logits)
	}
	probabilities := make([]float32, len(logits))
	for i, l := range logits {
		probabilities[i] = float32(1 / (1 + math.Exp(-float64(l))))
	}
	return probabilities
}

// activation is the name of what makes the probabilities, where it is not CLIP's softmax.
func (s scoring) activation() string {
	if s.sigmoid {
		return "sigmoid"
	}
	return ""
}

// chooseScoring takes the scale and the bias from the options, else from config.json, else from a
// graph that contains them. A CLIP without is one with the 100 that its training ends at, and no
// bias; a SigLIP without has no probabilities. (logit_scale_init_value in config.json is only where
// training began.) It also checks that the towers fit together, for which both must have run once.
func (m *Model) chooseScoring(ctx context.Context, f *folder, fam family) (s scoring, err error) {
	image, err := m.towers.images(ctx, 1, func(_ int, tensor []float32) { clear(tensor) })
	if err != nil {
		return s, err
	}
	if err := m.labels.defaults.fits(image); err != nil {
		return s, err
	}
	s.sigmoid = fam.sigmoid
	scale, bias := m.options.LogitScale, m.options.LogitBias
	if scale == nil && f.config.LogitScale != 0 {
		scale = &f.config.LogitScale
	}
	if bias == nil {
		bias = f.config.LogitBias
	}
	if !s.sigmoid {
		if bias != nil {
			s.bias = *bias
		}
		if scale != nil {
			s.scale = *scale
			return s, nil
		}
		s.scale, err = m.graphScale(ctx)
		return s, err
	}
	if scale == nil || bias == nil {
		found, err := m.graphLine(ctx, f)
		switch {
		case errors.Is(err, errNoLine):
			s.unknown = err
			return s, nil
		case err != nil:
			return s, err
		}
		if scale == nil {
			scale = &found.scale
		}
		if bias == nil {
			bias = &found.bias
		}
	}
	s.scale, s.bias = *scale, *bias
	return s, nil
}

// errNoLine is the error of a SigLIP with no scale or bias to be found.
var errNoLine = errors.New("set logit_scale and logit_bias in the model's configuration (the factor itself, not its logarithm)")

// graphLine takes the scale and the bias of a SigLIP from model.onnx, which may lie beside graphs
// of the two towers.
func (m *Model) graphLine(ctx context.Context, f *folder) (line, error) {
	ids, err := m.probes()
	if err != nil {
		return line{}, err
	}
	if m.towers.text == m.towers.vision {
		return m.towers.line(ctx, ids)
	}
	whole := *f
	has := modeldir.In(f.path)
	whole.vision = cmp.Or(f.tower("model", m.options.DType.Only(has)), f.tower("model", has)) // both are the same in all forms
	if whole.text = whole.vision; whole.vision == "" {
		return line{}, fmt.Errorf("there is no model.onnx to take logit_scale and logit_bias from: %w", errNoLine)
	}
	t, err := openTowers(m.towers.runtime, m.options.Name+" ("+filepath.Base(whole.vision)+")", m.options.ONNX.Threads, &whole, m.towers.height, m.towers.width)
	if err != nil {
		return line{}, err
	}
	t.padding = m.towers.padding
	found, err := t.line(ctx, ids)
	return found, errors.Join(err, t.close())
}

// probes returns the tokens of some texts that serve to examine a graph.
func (m *Model) probes() ([][]int64, error) {
	var ids [][]int64
	for _, label := range append(m.labelsOrProbes(), "a cat", "the sea at night", "2 red cars", "text") {
		tokens, err := m.labels.tokens.encodeTruncated(label)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, tokens); len(ids) == maxProbes {
			break
		}
	}
	return ids, nil
}

const maxProbes = 8 // texts
