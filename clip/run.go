package clip

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"penstock/onnx"
)

// How many pictures and texts one call of a graph embeds: enough to keep the runtime busy, few
// enough to bound its memory, and to stop soon after all requests of a run are canceled.
const (
	maxImageBatch = 32
	maxTextBatch  = 64
)

// A pixelBuffer is memory for the pixels of one call; it is used again.
type pixelBuffer struct {
	pixels []float32
	halves []onnx.Float16 // the same, for graphs that take float16
}

// grown returns s with n elements of unknown content, in the same memory if it is large enough.
func grown[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// images embeds some pictures. fill is called for each and writes its pixels, as
// Processor.Normalise does.
func (t *towers) images(ctx context.Context, count int, fill func(i int, tensor []float32)) (vectors, error) {
	size := t.pictureSize()
	batch := min(count, maxImageBatch)
	if t.imageBatch > 0 {
		batch = t.imageBatch
	}
	if t.alone {
		batch = 1
	}
	p := t.buffers.Get().(*pixelBuffer)
	defer t.buffers.Put(p)
	p.pixels = grown(p.pixels, max(batch, t.imageBatch)*size)
	var all vectors
	for first := 0; first < count; first += batch {
		n := min(batch, count-first)
		for i := range n {
			fill(first+i, p.pixels[i*size:(i+1)*size])
		}
		length := n
		if t.imageBatch > 0 { // the graph takes this many only
			length = t.imageBatch
			clear(p.pixels[n*size:])
		}
		out, err := t.run(ctx, t.vision, input{pixels: p.pixels[:length*size], buffer: p}, imageEmbeds)
		if err != nil {
			return vectors{}, err
		}
		unpadded, _ := out[0].split(n)
		all = all.append(unpadded)
	}
	all.normalise()
	return all, nil
}

// pictureSize is how many numbers a picture is.
func (t *towers) pictureSize() int { return 3 * t.height * t.width }

// texts embeds texts given as token ids. Shorter ones are padded with their own last token, CLIP's
// end: the tower ignores what comes after the first end.
func (t *towers) texts(ctx context.Context, ids [][]int64) (vectors, error) {
	batch := maxTextBatch
	if t.textBatch > 0 {
		batch = t.textBatch
	}
	if t.alone {
		batch = 1
	}
	var all vectors
	for chunk := range slices.Chunk(ids, batch) {
		out, err := t.run(ctx, t.text, input{ids: chunk}, textEmbeds)
		if err != nil {
			return vectors{}, err
		}
		all = all.append(out[0])
	}
	all.normalise()
	return all, nil
}

// scale computes the factor of the logits, if a graph contains it: a logit of a picture and a text,
// divided by their cosine. That requires a text that is not at right angles to the picture.
func (t *towers) scale(ctx context.Context, texts iter.Seq[[]int64]) (scale float64, ok bool, err error) {
	if t.text != t.vision || has(t.vision.Outputs(), "output", imageLogits) != nil {
		return 0, false, nil
	}
	pixels := make([]float32, max(1, t.imageBatch)*t.pictureSize())
	for i := range pixels {
		pixels[i] = float32(i%17)/17 - 0.5 // any picture but a blank one, whose vector might be 0
	}
	for ids := range texts {
		out, err := t.run(ctx, t.vision, input{pixels: pixels, buffer: new(pixelBuffer), ids: [][]int64{ids}}, imageLogits, imageEmbeds, textEmbeds)
		if err != nil {
			return 0, false, err
		}
		out[1].normalise()
		out[2].normalise()
		if cosine := dot(out[1].at(0), out[2].at(0)); math.Abs(cosine) > 0.01 {
			return float64(out[0].values[0]) / cosine, true, nil
		}
	}
	return 0, false, fmt.Errorf("the graph's own logit_scale cannot be determined: set it in config.json")
}

// An input is the pictures, the texts, or both of one call. A graph that is both towers gets a
// small placeholder for the missing half.
type input struct {
	pixels []float32    // of pictures
	buffer *pixelBuffer // that pixels are in
	ids    [][]int64    // of texts
}

// run calls a graph and returns some of its outputs, each a vector for each picture or text.
func (t *towers) run(ctx context.Context, s *onnx.Session, in input, wanted ...string) ([]vectors, error) {
	if in.pixels == nil {
		in.pixels, in.buffer = make([]float32, max(1, t.imageBatch)*t.pictureSize()), new(pixelBuffer)
	}
	if in.ids == nil {
		in.ids = [][]int64{{0}}
	}
	inputs := make([]*onnx.Tensor, len(s.Inputs()))
	outputs := make([]*onnx.Tensor, len(s.Outputs()))
	defer func() {
		for _, tensor := range slices.Concat(inputs, outputs) {
			_ = tensor.Close() // it fails only where there is nothing to free
		}
	}()
	var err error
	for i, info := range s.Inputs() {
		if info.Name == pixelValues {
			inputs[i], err = t.pixelTensor(info, in)
		} else {
			inputs[i], err = t.tokenTensor(info, in.ids)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, info := range s.Outputs() {
		if outputs[i], err = t.halfOutput(info, in); err != nil {
			return nil, err
		}
	}
	if err := s.Run(ctx, inputs, outputs); err != nil {
		return nil, err
	}
	out := make([]vectors, len(wanted))
	for i, info := range s.Outputs() {
		if at := slices.Index(wanted, info.Name); at >= 0 {
			if out[at], err = vectorsOf(outputs[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", info.Name, err)
			}
		}
	}
	return out, nil
}

func (t *towers) pixelTensor(info onnx.Info, in input) (*onnx.Tensor, error) {
	shape := []int64{int64(len(in.pixels) / t.pictureSize()), 3, int64(t.height), int64(t.width)}
	if info.Type == onnx.TypeFloat32 {
		return onnx.NewTensor(shape, in.pixels)
	}
	in.buffer.halves = grown(in.buffer.halves, len(in.pixels))
	for i, v := range in.pixels {
		in.buffer.halves[i] = onnx.ToFloat16(v)
	}
	return onnx.NewTensor(shape, in.buffer.halves)
}

// tokenTensor makes input_ids or attention_mask.
func (t *towers) tokenTensor(info onnx.Info, ids [][]int64) (*onnx.Tensor, error) {
	length := t.length
	if length == 0 {
		for _, text := range ids {
			length = max(length, len(text))
		}
	}
	flat := make([]int64, 0, len(ids)*length)
	for _, text := range ids {
		for i := range length {
			switch {
			case info.Name == attentionMask && i < len(text):
				flat = append(flat, 1)
			case info.Name == attentionMask:
				flat = append(flat, 0)
			default:
				flat = append(flat, text[min(i, len(text)-1)])
			}
		}
	}
	shape := []int64{int64(len(ids)), int64(length)}
	if info.Type == onnx.TypeInt32 {
		narrow := make([]int32, len(flat))
		for i, v := range flat {
			narrow[i] = int32(v)
		}
		return onnx.NewTensor(shape, narrow)
	}
	return onnx.NewTensor(shape, flat)
}

// halfOutput makes the tensor that a run writes an output of float16 into. Outputs of other types
// are allocated by the run.
func (t *towers) halfOutput(info onnx.Info, in input) (*onnx.Tensor, error) {
	if info.Type != onnx.TypeFloat16 || len(info.Shape) != 2 {
		return nil, nil
	}
	pictures, texts := int64(len(in.pixels)/t.pictureSize()), int64(len(in.ids))
	shape := slices.Clone(info.Shape)
	switch info.Name {
	case imageEmbeds:
		shape[0] = pictures
	case textEmbeds:
		shape[0] = texts
	case imageLogits:
		shape = []int64{pictures, texts}
	}
	if shape[1] < 1 {
		return nil, fmt.Errorf("the graph leaves open how many numbers of float16 %s has: export it with that size fixed, or with outputs of float32", info.Name)
	}
	return onnx.NewTensor(shape, make([]onnx.Float16, shape[0]*shape[1]))
}

// vectorsOf copies an output.
func vectorsOf(tensor *onnx.Tensor) (vectors, error) {
	shape := tensor.Shape()
	if len(shape) != 2 || shape[1] < 1 {
		return vectors{}, fmt.Errorf("it has shape %v, not a vector for each", shape)
	}
	v := vectors{size: int(shape[1])}
	if tensor.Type() == onnx.TypeFloat16 {
		halves, err := onnx.Data[onnx.Float16](tensor)
		if err != nil {
			return v, err
		}
		v.values = make([]float32, len(halves))
		for i, h := range halves {
			v.values[i] = h.Float32()
		}
		return v, nil
	}
	values, err := onnx.Data[float32](tensor)
	v.values = slices.Clone(values)
	return v, err
}
