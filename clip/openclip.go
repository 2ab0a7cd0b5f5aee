package clip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"penstock/onnx"
	"penstock/tokenizer"
)

// openCLIP is the part of open_clip_config.json that tells how texts are padded.
type openCLIP struct {
	Model struct {
		Text struct {
			Tokenizer string `json:"hf_tokenizer_name"`
			Context   int    `json:"context_length"`
		} `json:"text_cfg"`
	} `json:"model_cfg"`
}

// openCLIP reads open_clip_config.json. A folder need not have it.
func (f *folder) openCLIP() (c openCLIP, ok bool, err error) {
	data, err := f.read("open_clip_config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("open_clip_config.json: %w", err)
	}
	return c, true, nil
}

// padVisibly pads every text to the most tokens that a text may have, if the text tower of a CLIP
// sees its padding: that of MobileCLIP attends to all tokens and has no mask. open_clip pads with
// the token 0, whatever tokenizer_config.json names, unless its tokenizer is Hugging Face's.
func (t *towers) padVisibly(ctx context.Context, f *folder, tokens *tokenizer.Tokenizer) error {
	masked := slices.ContainsFunc(t.text.Inputs(), func(in onnx.Info) bool { return in.Name == attentionMask })
	if !t.padding.own || masked {
		return nil
	}
	ids, err := tokens.Encode("a photo", tokenizer.EncodeOptions{WithSpecial: true})
	if err != nil || len(ids) == 0 { // embedding the labels reports a tokenizer that puts nothing around a text
		return nil
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
	c, open, err := f.openCLIP()
	if err != nil {
		return err
	}
	t.padding = padding{length: length, left: s.Side == "left"}
	if id, ok := tokens.ID(s.padToken()); ok && s.padToken() != "" && (!open || c.Model.Text.Tokenizer != "") {
		t.padding.id = id
	}
	return nil
}
