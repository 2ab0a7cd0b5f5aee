package clip

import (
	"context"
	"fmt"
	"math"
)

// A line is how a graph makes logits of cosines.
type line struct{ scale, bias float64 }

// probePictures is how many made-up pictures a graph is examined with.
const probePictures = 3

// line finds the scale and the bias of a graph that makes logits: the line through its logits of
// some pictures and texts over their cosines. The error Is errNoLine if there is none.
func (t *towers) line(ctx context.Context, texts [][]int64) (line, error) {
	if t.text != t.vision || !hasName(t.vision.Outputs(), imageLogits) {
		return line{}, fmt.Errorf("the graph makes no logits: %w", errNoLine)
	}
	var cosines, logits []float64
	size := t.pictureSize()
	for picture := range probePictures {
		pixels := make([]float32, max(1, t.imageBatch)*size)
		for i := range size {
			pixels[i] = float32((i*(picture+1)+i/97)%(17+picture))/17 - 0.5
		}
		for _, ids := range texts {
			out, err := t.run(ctx, t.vision, input{pixels: pixels, buffer: new(pixelBuffer), ids: [][]int64{ids}}, imageLogits, imageEmbeds, textEmbeds)
			if err != nil {
				return line{}, err
			}
			out[1].normalise()
			out[2].normalise()
			cosines, logits = append(cosines, dot(out[1].at(0), out[2].at(0))), append(logits, float64(out[0].values[0]))
		}
	}
	return fit(cosines, logits)
}

// fit finds the line that passes the points closest, by least squares, and checks that it passes
// all of them: that three or more are on it is no chance.
func fit(x, y []float64) (line, error) {
	meanX, meanY := mean(x), mean(y)
	var squares, products, lowest, highest float64
	for i := range x {
		dx, dy := x[i]-meanX, y[i]-meanY
		squares, products = squares+dx*dx, products+dx*dy
		lowest, highest = min(lowest, dy), max(highest, dy)
	}
	const flat = 1e-6 // cosines this close are those of one picture and one text
	if len(x) < 3 || math.Sqrt(squares/float64(len(x))) < flat {
		return line{}, fmt.Errorf("the graph's logits of different pictures and texts are the same: %w", errNoLine)
	}
	l := line{scale: products / squares}
	l.bias = meanY - l.scale*meanX
	// Half precision rounds a logit of 16 by 0.008, and cosines too.
	tolerance := max(0.02, 0.02*(highest-lowest))
	for i := range x {
		if off := math.Abs(l.scale*x[i] + l.bias - y[i]); !(off <= tolerance) {
			return line{}, fmt.Errorf("the graph's logits are no multiple of cosines (they are off by %.3g): %w", off, errNoLine)
		}
	}
	if !(l.scale > 0) {
		return line{}, fmt.Errorf("the graph's logits fall with the cosine: %w", errNoLine)
	}
	return l, nil
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
