package clip

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"penstock/dialect/openinference"
	"penstock/engine"
)

// An inferFeed is a request for tensors, checked. The verb infer is the model as one graph would
// be, with pictures in the form of its processor and texts as token ids.
type inferFeed struct {
	request *openinference.Request
	wanted  []openinference.Output
	pixels  []float32
	texts   [][]int64
}

// An inferRaw is the vectors of a request's pictures and texts.
type inferRaw struct {
	feed          inferFeed
	images, texts vectors
}

// preprocessInfer checks the tensors: a graph must not be called with inputs that it could fail on.
func (m *Model) preprocessInfer(_ context.Context, r *openinference.Request) (inferFeed, error) {
	f := inferFeed{request: r}
	given := map[string]*openinference.Tensor{}
	for i := range r.Inputs {
		given[r.Inputs[i].Name] = &r.Inputs[i]
	}
	pixels, ids, mask := given[pixelValues], given[inputIDs], given[attentionMask]
	for _, t := range []*openinference.Tensor{pixels, ids, mask} {
		if t != nil {
			delete(given, t.Name)
		}
	}
	for name := range given {
		return f, invalidParam(ReasonBadTensor, name, "there is no input %q; there are %s, %s and %s", name, pixelValues, inputIDs, attentionMask)
	}
	if pixels != nil {
		height, width := m.processor.Size()
		if want := []int64{3, int64(height), int64(width)}; pixels.Floats == nil || len(pixels.Shape) != 4 || !slices.Equal(pixels.Shape[1:], want) {
			return f, invalidParam(ReasonBadTensor, pixelValues, "%s is FP32 of shape [-1,3,%d,%d]", pixelValues, height, width)
		}
		if n := pixels.Shape[0]; n < 1 || n > maxPictures {
			return f, invalidParam(ReasonTooMany, pixelValues, "%s holds %d pictures: send 1 to %d", pixelValues, n, maxPictures)
		}
		f.pixels = pixels.Floats
	}
	var err error
	if f.texts, err = m.textsOf(ids, mask); err != nil {
		return f, err
	}
	f.wanted, err = m.wantedOf(r, f)
	return f, err
}

// textsOf splits rows of token ids, each as long as its mask is.
func (m *Model) textsOf(ids, mask *openinference.Tensor) ([][]int64, error) {
	if ids == nil {
		return nil, nil
	}
	limit := m.labels.tokens.context
	if ids.Ints == nil || len(ids.Shape) != 2 || ids.Shape[1] < 1 || ids.Shape[1] > int64(limit) {
		return nil, invalidParam(ReasonBadTensor, inputIDs, "%s is INT64 of shape [-1,n], n being 1 to %d", inputIDs, limit)
	}
	if n := ids.Shape[0]; n < 1 || n > maxLabels {
		return nil, invalidParam(ReasonTooManyInputs, inputIDs, "%s holds %d texts: send 1 to %d", inputIDs, n, maxLabels)
	}
	if mask != nil && (mask.Ints == nil || !slices.Equal(mask.Shape, ids.Shape)) {
		return nil, invalidParam(ReasonBadTensor, attentionMask, "%s is INT64 of the shape of %s", attentionMask, inputIDs)
	}
	vocabulary := int64(m.labels.tokens.tokenizer.VocabSize())
	if i := slices.IndexFunc(ids.Ints, func(id int64) bool { return id < 0 || id >= vocabulary }); i >= 0 {
		return nil, invalidParam(ReasonBadTensor, inputIDs, "%s holds %d, which is none of the %d token ids of this model", inputIDs, ids.Ints[i], vocabulary)
	}
	var texts [][]int64
	for row := range slices.Chunk(ids.Ints, int(ids.Shape[1])) {
		if mask != nil {
			seen := mask.Ints[:len(row)]
			mask.Ints = mask.Ints[len(row):]
			if end := slices.Index(seen, 0); end >= 0 {
				row, seen = row[:end], seen[end:]
				if len(row) == 0 || slices.ContainsFunc(seen, func(one int64) bool { return one != 0 }) {
					return nil, invalidParam(ReasonBadTensor, attentionMask, "%s has its ones on the left, at least one in each row", attentionMask)
				}
			}
		}
		texts = append(texts, row)
	}
	return texts, nil
}

// wantedOf returns the outputs of a request: those it names, else all that its inputs suffice for.
func (m *Model) wantedOf(r *openinference.Request, f inferFeed) ([]openinference.Output, error) {
	needs := map[string]string{}
	if f.pixels == nil {
		needs[imageEmbeds], needs[imageLogits] = pixelValues, pixelValues
	}
	if f.texts == nil {
		needs[textEmbeds] = inputIDs
		if needs[imageLogits] == "" && m.labels.defaults.count() == 0 { // there is nothing to compare with
			needs[imageLogits] = inputIDs
		}
	}
	if m.scoring.unknown != nil && needs[imageLogits] == "" {
		if slices.ContainsFunc(r.Outputs, func(o openinference.Output) bool { return o.Name == imageLogits }) {
			return nil, m.scoring.check()
		}
		needs[imageLogits] = "logit_scale"
	}
	if f.pixels == nil && f.texts == nil {
		return nil, invalidParam(ReasonBadTensor, "inputs", "send %s or %s, or both", pixelValues, inputIDs)
	}
	outputs := []string{imageLogits, textEmbeds, imageEmbeds}
	if len(r.Outputs) == 0 {
		var all []openinference.Output
		for _, name := range outputs {
			if needs[name] == "" {
				all = append(all, openinference.Output{Name: name})
			}
		}
		return all, nil
	}
	for _, out := range r.Outputs {
		if !slices.Contains(outputs, out.Name) {
			return nil, invalidParam(ReasonBadTensor, out.Name, "there is no output %q; there are %s, %s and %s", out.Name, imageLogits, textEmbeds, imageEmbeds)
		}
		if input := needs[out.Name]; input != "" {
			return nil, invalidParam(ReasonBadTensor, out.Name, "output %s needs the input %s", out.Name, input)
		}
	}
	return r.Outputs, nil
}

// predictInfer runs each tower on the request's inputs. Requests are not joined: pixels may be any
// numbers.
func (m *Model) predictInfer(ctx context.Context, f inferFeed) (r inferRaw, err error) {
	r.feed = f
	size := m.towers.pictureSize()
	r.images, err = m.towers.images(ctx, len(f.pixels)/size, func(i int, tensor []float32) { copy(tensor, f.pixels[i*size:]) })
	if err != nil {
		return r, err
	}
	r.texts, err = m.towers.texts(ctx, f.texts)
	return r, err
}

// postprocessInfer makes the outputs. Logits are against the request's texts, else against the
// model's own labels.
func (m *Model) postprocessInfer(_ context.Context, r inferRaw) (*openinference.Response, error) {
	response := &openinference.Response{Model: m.options.Name, ID: r.feed.request.ID}
	for _, out := range r.feed.wanted {
		var t openinference.Tensor
		switch out.Name {
		case imageEmbeds:
			t = openinference.Tensor{Shape: []int64{int64(r.images.count()), int64(r.images.size)}, Floats: r.images.values}
		case textEmbeds:
			t = openinference.Tensor{Shape: []int64{int64(r.texts.count()), int64(r.texts.size)}, Floats: r.texts.values}
		case imageLogits:
			against := r.texts
			if r.feed.texts == nil {
				against = m.labels.defaults
			}
			t.Shape = []int64{int64(r.images.count()), int64(against.count())}
			for i := range r.images.count() {
				t.Floats = append(t.Floats, m.logits(r.images.at(i), against)...)
			}
		}
		if slices.ContainsFunc(t.Floats, func(f float32) bool { return f-f != 0 }) {
			return nil, invalidParam(ReasonBadTensor, pixelValues, "of these %s the model makes no finite numbers", pixelValues)
		}
		t.Name = out.Name
		response.Outputs = append(response.Outputs, t)
		binary := r.feed.request.Binary
		if out.Binary != nil {
			binary = *out.Binary
		}
		response.Binary = append(response.Binary, binary)
	}
	return response, nil
}

// describe describes the inputs and outputs of infer.
func (m *Model) describe() (engine.Output, error) {
	height, width := m.processor.Size()
	size := int64(m.labels.defaults.size)
	info := func(name, datatype string, shape ...int64) openinference.Info {
		return openinference.Info{Name: name, Datatype: datatype, Shape: shape}
	}
	body, err := json.Marshal(openinference.Metadata{
		Name: m.options.Name, Versions: []string{openinference.Version}, Platform: "onnxruntime_onnx",
		Inputs: []openinference.Info{
			info(inputIDs, openinference.INT64, -1, -1),
			info(pixelValues, openinference.FP32, -1, 3, int64(height), int64(width)),
			info(attentionMask, openinference.INT64, -1, -1),
		},
		Outputs: []openinference.Info{
			info(imageLogits, openinference.FP32, -1, -1),
			info(textEmbeds, openinference.FP32, -1, size),
			info(imageEmbeds, openinference.FP32, -1, size),
		},
	})
	if err != nil {
		return engine.Output{}, fmt.Errorf("encode the metadata: %w", err)
	}
	return engine.Output{MediaType: "application/json", Body: body}, nil
}
