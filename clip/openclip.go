package clip

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"penstock/modeldir"
)

// openCLIPConfig is the part of open_clip's configuration that is used; Immich has it as
// config.json.
type openCLIPConfig struct {
	OpenCLIP *struct {
		Context int    `json:"context_length"`
		Names   string `json:"hf_tokenizer_name"`
		Options struct {
			Clean string `json:"clean"`
		} `json:"tokenizer_kwargs"`
	} `json:"text_cfg"`
	InitialBias *float64 `json:"init_logit_bias"`
}

// openCLIPFamily is the family of an open_clip model, which its configuration describes: texts are
// as long as its context, padded with token 0 if open_clip has the tokenizer itself; a model that
// begins with a bias is a SigLIP.
func (c config) openCLIPFamily() family {
	context := cmp.Or(c.OpenCLIP.Context, 77)
	return family{
		name: "open_clip", sigmoid: c.InitialBias != nil, zeroPad: c.OpenCLIP.Names == "",
		fixed: context, positions: context, context: context,
	}
}

// canonicalizes reports whether texts are cleaned as for SigLIP's training.
func (c config) canonicalizes() bool {
	return c.OpenCLIP != nil && c.OpenCLIP.Options.Clean == "canonicalize"
}

// cleaned returns a text as the tokenizer is to get it: open_clip's SigLIPs were trained on lower
// case without ASCII punctuation.
func (t textTokenizer) cleaned(text string) string {
	if !t.canonical {
		return text
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '_':
			return ' '
		case r < 0x80 && strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~", r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(strings.ToLower(text)), " ")
}

// A recipe is the file that says how pictures are prepared.
type recipe struct {
	name     string
	data     []byte
	openCLIP bool // in open_clip's form
}

// readRecipe reads the first recipe that the folder has.
func (f *folder) readRecipe() error {
	for _, name := range modeldir.Recipes() {
		data, err := readIn(f.path, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		member := map[string]string{modeldir.ProcessorConfig: "image_processor", modeldir.OpenCLIPConfig: "preprocess_cfg"}[name]
		if err == nil && member != "" {
			var members map[string]json.RawMessage
			if err = json.Unmarshal(data, &members); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if data = members[member]; err == nil && name == modeldir.OpenCLIPConfig {
				data, err = sizedRecipe(data, members["model_cfg"])
			}
		}
		if err != nil {
			return err
		}
		if data != nil { // transformers 4 wrote a processor_config.json without it
			openCLIP := name != modeldir.ProcessorConfig && name != modeldir.PreprocessorConfig
			f.recipe = recipe{name, data, openCLIP}
			return nil
		}
	}
	return fmt.Errorf("%w (or %s with image_processor, or open_clip's %s)", missing(modeldir.PreprocessorConfig), modeldir.ProcessorConfig, modeldir.OpenCLIPPreprocess)
}

// sizedRecipe returns the recipe in an open_clip_config.json. Where it has no size, that of
// pictures is the one of the vision tower.
func sizedRecipe(recipe, model json.RawMessage) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if recipe != nil {
		if err := json.Unmarshal(recipe, &members); err != nil {
			return nil, fmt.Errorf("%s: preprocess_cfg: %w", modeldir.OpenCLIPConfig, err)
		}
	}
	var tower struct {
		Vision struct {
			Size json.RawMessage `json:"image_size"`
		} `json:"vision_cfg"`
	}
	if model != nil {
		if err := json.Unmarshal(model, &tower); err != nil {
			return nil, fmt.Errorf("%s: model_cfg: %w", modeldir.OpenCLIPConfig, err)
		}
	}
	if size := tower.Vision.Size; members["size"] == nil && size != nil {
		members["size"] = size
	}
	return json.Marshal(members)
}

// readConfig reads config.json, else open_clip's. The text tower's own tells how long texts may be.
func (f *folder) readConfig() error {
	raw, err := readIn(f.path, "config.json")
	if errors.Is(err, fs.ErrNotExist) {
		var whole struct {
			Model json.RawMessage `json:"model_cfg"`
		}
		if data, failed := readIn(f.path, modeldir.OpenCLIPConfig); failed == nil {
			if err = json.Unmarshal(data, &whole); err != nil {
				return fmt.Errorf("%s: %w", modeldir.OpenCLIPConfig, err)
			}
			raw = whole.Model
		}
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &f.config); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	if f.config.LogitScale < 0 {
		return fmt.Errorf("config.json: logit_scale must not be %g", f.config.LogitScale)
	}
	if f.texts == f.path {
		return nil
	}
	if raw, err = readIn(f.texts, "config.json"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var own struct {
		config
		Positions int    `json:"max_position_embeddings"` // of a text tower on its own
		Pad       *int64 `json:"pad_token_id"`
	}
	if err == nil {
		if err = json.Unmarshal(raw, &own); err != nil {
			err = fmt.Errorf("the text tower's config.json: %w", err)
		}
	}
	f.config.Text = own.Text
	f.config.Text.Positions = cmp.Or(own.Positions, own.Text.Positions)
	f.config.Text.Pad = cmp.Or(own.Pad, own.Text.Pad)
	return err
}
