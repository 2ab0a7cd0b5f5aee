package clip

import (
	"fmt"
	"slices"
	"strings"

	"penstock/onnx"
)

// What exporters call the same inputs and outputs of a tower; the first is the name used here. A
// tower's only input or output may have any name.
var (
	pictureNames = []string{pixelValues, "image", "images", "input"}
	tokenNames   = []string{inputIDs, "text", "texts", "tokens", "input"}
	imageNames   = []string{imageEmbeds, "image_features", "l2norm_image_embeddings", "image_embeddings"}
	textNames    = []string{textEmbeds, "text_features", "l2norm_text_embeddings", "text_embeddings"}
	towerNames   = []string{"pooler_output", "embedding", "embeddings", "sentence_embedding"} // of a graph with one tower
)

// The names of inputs that texts have beside their tokens.
const positionIDs = "position_ids"

// named returns an input under the name that is used here, or as it is if it has an unknown role.
func (t *towers) named(s *onnx.Session, in onnx.Info) onnx.Info {
	one := t.vision != t.text // tower
	switch {
	case slices.Contains([]string{pixelValues, inputIDs, attentionMask, tokenTypes, positionIDs}, in.Name):
	case slices.Contains(pictureNames, in.Name) && len(in.Shape) == 4, one && s == t.vision && len(s.Inputs()) == 1:
		in.Name = pixelValues
	case slices.Contains(tokenNames, in.Name) && len(in.Shape) != 4, one && s == t.text && len(s.Inputs()) == 1:
		in.Name = inputIDs
	}
	return in
}

// namedOutput returns an output under the name that is used here.
func (t *towers) namedOutput(s *onnx.Session, out onnx.Info) onnx.Info {
	switch one := t.vision != t.text; {
	case one && s == t.vision, slices.Contains(imageNames, out.Name):
		out.Name = imageEmbeds
	case one && s == t.text, slices.Contains(textNames, out.Name):
		out.Name = textEmbeds
	}
	return out
}

// vectorOutput returns what selects the output of a tower that is a vector for each picture or
// text: the first of some names that the graph has, else its only output unless that is the other
// tower's.
func vectorOutput(names, others []string) func(all []string) []string {
	return func(all []string) []string {
		for _, name := range slices.Concat(names, towerNames) {
			if slices.Contains(all, name) {
				return []string{name}
			}
		}
		if len(all) == 1 && !slices.Contains(others, all[0]) {
			return all
		}
		return nil
	}
}

// vectorOutputs selects the outputs of a graph that holds both towers.
func vectorOutputs(all []string) []string {
	var selected []string
	for _, names := range [][]string{imageNames, textNames, {imageLogits}} {
		if i := slices.IndexFunc(names, func(name string) bool { return slices.Contains(all, name) }); i >= 0 {
			selected = append(selected, names[i])
		}
	}
	return selected
}

// checkNames returns an error for a tower without a graph's input or output.
func (t *towers) checkNames(s *onnx.Session, input string, inputs []string, output string, outputs []string) error {
	in, out := slices.Clone(s.Inputs()), slices.Clone(s.Outputs())
	for i := range in {
		in[i] = t.named(s, in[i])
	}
	for i := range out {
		out[i] = t.namedOutput(s, out[i])
	}
	if !hasName(in, input) {
		return fmt.Errorf("the graph has no input %s; it has %s", strings.Join(inputs, " or "), joinInfos(s.Inputs()))
	}
	if !hasName(out, output) {
		return fmt.Errorf("the graph has no output %s; it has %s", strings.Join(outputs, " or "), joinInfos(s.Outputs()))
	}
	return nil
}

func hasName(infos []onnx.Info, name string) bool {
	return slices.ContainsFunc(infos, func(info onnx.Info) bool { return info.Name == name })
}

func joinInfos(infos []onnx.Info) string {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	return strings.Join(names, ", ")
}

// positionTensor makes position_ids: the numbers of the tokens of each text.
func (t *towers) positionTensor(info onnx.Info, ids [][]int64) (*onnx.Tensor, error) {
	_, length := t.pad(ids, true)
	rows := len(ids)
	if len(info.Shape) == 2 && info.Shape[0] == 1 { // the same for all texts
		rows = 1
	}
	flat := make([]int64, 0, rows*length)
	for range rows {
		for i := range length {
			flat = append(flat, int64(i))
		}
	}
	return integers(info, []int64{int64(rows), int64(length)}, flat)
}

// integers makes a tensor of the type that an input has.
func integers(info onnx.Info, shape, values []int64) (*onnx.Tensor, error) {
	if info.Type != onnx.TypeInt32 {
		return onnx.NewTensor(shape, values)
	}
	narrow := make([]int32, len(values))
	for i, v := range values {
		narrow[i] = int32(v)
	}
	return onnx.NewTensor(shape, narrow)
}
