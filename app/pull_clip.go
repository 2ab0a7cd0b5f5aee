package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"penstock/hub"
	"penstock/modeldir"
	"penstock/regular"
)

// A pulledConfig is the part of config.json that tells what a model is.
type pulledConfig struct {
	Type          string           `json:"model_type"`
	Architectures []string         `json:"architectures"`
	Text          *json.RawMessage `json:"text_cfg"` // open_clip's
	InitialBias   *float64         `json:"init_logit_bias"`
	Bias          *float64         `json:"logit_bias"`
}

// readPulledConfig reads a folder's config.json, or without it open_clip's configuration.
func readPulledConfig(dir string) (config pulledConfig, err error) {
	raw, err := regular.ReadFile(filepath.Join(dir, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		var whole struct {
			Model json.RawMessage `json:"model_cfg"`
		}
		if raw, err = regular.ReadFile(filepath.Join(dir, modeldir.OpenCLIPConfig)); err == nil {
			err = json.Unmarshal(raw, &whole)
		}
		raw = whole.Model
	}
	if err == nil {
		err = json.Unmarshal(raw, &config)
	}
	return config, err
}

// clipFamilies are the families of CLIPs, by model_type.
var clipFamilies = map[string]string{
	"clip": "a CLIP", "siglip": "a SigLIP", "siglip2": "a SigLIP 2", "chinese_clip": "a Chinese-CLIP", "altclip": "an AltCLIP",
	"jina_clip": "a jina-clip, which is untested: compare its vectors with those of its authors' software",
}

// family is the model_type of the whole model, whose one tower this may be.
func (c pulledConfig) family() string {
	return strings.TrimSuffix(strings.TrimSuffix(c.Type, "_vision_model"), "_text_model")
}

func (c pulledConfig) isCLIP() bool { return c.Text != nil || clipFamilies[c.family()] != "" }

// isSigmoid reports whether the model needs a bias for its probabilities.
func (c pulledConfig) isSigmoid() bool {
	return c.Text != nil && c.InitialBias != nil || c.Text == nil && strings.HasPrefix(c.family(), "siglip")
}

// clipAdvice returns, as comments, what would be served and what is missing, and the paths for
// penstock.yaml.
func clipAdvice(id, dir string, config pulledConfig, files []hub.File) (notes, paths string) {
	has := modeldir.In(dir)
	what := clipFamilies[config.family()]
	if config.Text != nil {
		what = "a CLIP of open_clip's"
		if config.InitialBias != nil {
			what = "a SigLIP of open_clip's"
		}
	} else {
		what = strings.Replace(what, "CLIP", fmt.Sprintf("CLIP (model_type %s)", config.Type), 1)
	}
	graphs := map[modeldir.DType]bool{}
	var dtypes []modeldir.DType
	for _, f := range files {
		if d := modeldir.DTypeOf(f.Path); modeldir.IsGraph(f.Path) && !graphs[d] {
			graphs[d] = true
			dtypes = append(dtypes, d)
		}
	}
	half := modeldir.Half(has)
	if tower, ok := strings.CutSuffix(config.Type, "_model"); ok && half == "" { // its graph may have any name
		half = modeldir.Tower(tower[strings.LastIndexByte(tower, '_')+1:])
	}
	verbs := "predict, embed and rank"
	if config.isSigmoid() && config.Bias == nil && modeldir.CLIP.Graph("model", has) == "" {
		verbs = "embed and rank; for predict give its logit_scale and logit_bias too"
		if config.Text == nil {
			verbs += ", or fetch onnx/model.onnx, which has them (--file onnx/model.onnx)"
		}
	}
	notes = fmt.Sprintf("# It is %s, of dtype %s. It serves %s.\n", what, modeldir.JoinDTypes(dtypes), verbs)
	for _, name := range modeldir.CLIP.Missing(has) {
		if name == modeldir.PreprocessorConfig && half == modeldir.TextTower {
			continue // it belongs to the other tower
		}
		if name == modeldir.PreprocessorConfig {
			notes += "# It has no " + name + ", without which Penstock runs no CLIP: " +
				"first put there that of the model it was exported from.\n"
			continue
		}
		notes += "# It has no " + name + ", without which Penstock runs no CLIP.\n"
	}
	if half == "" {
		return notes, "path: " + scalar(filepath.ToSlash(dir))
	}
	return otherHalf(notes, id, dir, half)
}

// otherHalf adds how to get the tower that is missing. Repositories of one tower often come in
// pairs whose names differ in the word text or vision.
func otherHalf(notes, id, dir string, half modeldir.Tower) (string, string) {
	other := modeldir.TextTower
	if half == modeldir.TextTower {
		other = modeldir.VisionTower
	}
	rename := func(s string) string {
		if !strings.Contains(path.Base(s), string(half)) {
			return path.Join(path.Dir(s), strings.ToUpper(string(other))+"-FOLDER")
		}
		return path.Join(path.Dir(s), strings.ReplaceAll(path.Base(s), string(half), string(other)))
	}
	own, others := filepath.ToSlash(dir), rename(filepath.ToSlash(dir))
	if _, err := os.Stat(filepath.FromSlash(others)); err != nil {
		notes += fmt.Sprintf("# This is its %s tower only. Fetch the %s tower too, which is another repository", half, other)
		if guess := rename(id); guess != id && !strings.HasSuffix(guess, "-FOLDER") {
			notes += fmt.Sprintf(", by its name: penstock pull %s", guess)
		}
		notes += ".\n"
	}
	if half == modeldir.TextTower {
		own, others = others, own
	}
	return notes, fmt.Sprintf("path: %s, text_path: %s", scalar(own), scalar(others))
}
