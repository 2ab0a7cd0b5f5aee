package clip

import (
	"context"
	"slices"

	"penstock/modeldir"
	"penstock/onnx"
	"penstock/tokenizer"
)

// padVisibly pads every text to the most tokens that a text may have, if the text tower of a CLIP
// sees its padding: that of MobileCLIP attends to all tokens and has no mask. open_clip pads with
// the token 0, whatever tokenizer_config.json names.
func (t *towers) padVisibly(ctx context.Context, f *folder, tokens *tokenizer.Tokenizer) error {
	masked := slices.ContainsFunc(t.text.Inputs(), func(in onnx.Info) bool { return in.Name == attentionMask })
	if !t.padding.own || masked {
		return nil
	}
	ids, err := tokens.Encode("a photo", tokenizer.EncodeOptions{WithSpecial: true})
	if err != nil || len(ids) == 0 {
		return nil //nolint:nilerr // embedding the labels reports a tokenizer that fails
	}
	length := t.context(f.config)
	padded, err := t.texts(ctx, [][]int64{ids, append(slices.Clone(ids), make([]int64, max(0, length-len(ids)))...)})
	if err != nil {
		return err
	}
	const same = 0.999 // half precision and quantised graphs round
	if dot(padded.at(0), padded.at(1)) > same {
		return nil
	}
	s, err := f.textSettings()
	if err != nil {
		return err
	}
	t.padding = padding{length: length, left: s.Side == "left"}
	if id, ok := tokens.ID(s.padToken()); ok && s.padToken() != "" && !modeldir.In(f.path)(modeldir.OpenCLIPConfig) {
		t.padding.id = id
	}
	return nil
}
