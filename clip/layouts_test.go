package clip

import (
	"maps"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// Files of layouts that tests lay out: a folder's name to a graph in testdata/graphs, or "=" and a
// text, or "+" and a file of clip-tiny.
type laidOut map[string]string

const (
	clipRecipe     = `{"size": 8, "crop_size": 8}`
	openCLIPRecipe = `{"size": [8, 8], "mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0}`
)

// place makes a folder of those files.
func (l laidOut) place(t *testing.T, name string) string {
	t.Helper()
	tokenizer := tiny(t).Path
	folder := filepath.Join(t.TempDir(), name)
	for file, from := range l {
		file = filepath.Join(folder, filepath.FromSlash(file))
		if text, ok := strings.CutPrefix(from, "="); ok {
			writeFile(t, file, []byte(text))
		} else if name, ok := strings.CutPrefix(from, "+"); ok {
			link(t, filepath.Join(tokenizer, name), file)
		} else {
			graph, err := filepath.Abs(filepath.Join("testdata", "graphs", from))
			if err != nil {
				t.Fatal(err)
			}
			link(t, graph, file)
		}
	}
	return folder
}

// The same model gives the same logits in every layout that it is found in.
func TestLayoutsAgree(t *testing.T) {
	request := Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}, {Data: photo(t, "coffee.jpg")}}}
	want, err := do(t.Context(), load(t, graphsOf(t, "two", `{"logit_scale": 17}`)).predict, request)
	if err != nil {
		t.Fatal(err)
	}
	const scale = `"logit_scale": 17`
	pair := laidOut{"onnx/vision_model.onnx": "two/vision_model.onnx", "onnx/text_model.onnx": "two/text_model.onnx"}
	immich := laidOut{
		"config.json":                `={"text_cfg": {"context_length": 77}, ` + scale + `}`,
		"visual/preprocess_cfg.json": "=" + openCLIPRecipe, "visual/model.onnx": "immich/visual.onnx",
		"textual/model.onnx": "immich/textual.onnx", "textual/tokenizer.json": "+tokenizer.json",
	}
	with := func(base, more laidOut) laidOut {
		all := maps.Clone(base)
		maps.Copy(all, more)
		return all
	}
	named := func(name string) laidOut {
		return laidOut{
			"config.json": "={" + scale + "}", "preprocessor_config.json": "=" + clipRecipe, "tokenizer.json": "+tokenizer.json",
			"vision_model.onnx": "names/vision_" + name + ".onnx", "text_model.onnx": "names/text_" + name + ".onnx",
		}
	}
	for name, c := range map[string]struct{ files, texts laidOut }{
		"transformers 5": {files: with(pair, laidOut{
			"config.json": "={" + scale + "}", "tokenizer.json": "+tokenizer.json",
			"processor_config.json": `={"processor_class": "CLIPProcessor", "image_processor": {"image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}}}`,
		})},
		"transformers 4's processor_config.json beside": {files: with(pair, laidOut{
			"config.json": "={" + scale + "}", "tokenizer.json": "+tokenizer.json", "preprocessor_config.json": "=" + clipRecipe,
			"processor_config.json": `={"processor_class": "CLIPProcessor"}`,
		})},
		"the nested recipe wins": {files: with(pair, laidOut{
			"config.json": "={" + scale + "}", "tokenizer.json": "+tokenizer.json", "preprocessor_config.json": "={}",
			"processor_config.json": `={"image_processor": ` + clipRecipe + `}`,
		})},
		"Immich": {files: immich},
		"open_clip": {files: laidOut{
			"open_clip_config.json": `={"model_cfg": {"text_cfg": {"context_length": 77}, ` + scale + `}, "preprocess_cfg": ` + openCLIPRecipe + `}`,
			"visual.onnx":           "immich/visual.onnx", "textual.onnx": "immich/textual.onnx", "tokenizer.json": "+tokenizer.json",
		}},
		"two repositories": {
			laidOut{"config.json": `={"model_type": "clip_vision_model", ` + scale + `}`, "preprocessor_config.json": "=" + clipRecipe, "model.onnx": "two/vision_model.onnx"},
			laidOut{"config.json": `={"model_type": "clip_text_model", "max_position_embeddings": 77}`, "tokenizer.json": "+tokenizer.json", "model.onnx": "two/text_model.onnx"},
		},
		"features and positions": {files: named("features")},
		"poolers":                {files: named("pooler")},
		"one output of any name": {files: named("any")},
	} {
		t.Run(name, func(t *testing.T) {
			o := graphsOf(t, "two", "{}")
			o.Path = c.files.place(t, "model")
			if c.texts != nil {
				o.TextPath = c.texts.place(t, "texts")
			}
			got, err := do(t.Context(), load(t, o).predict, request)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range got.Logits {
				for j, logit := range row {
					if off := math.Abs(float64(logit - want.Logits[i][j])); off > 1e-4 {
						t.Errorf("logits %v, want %v", got.Logits, want.Logits)
					}
				}
			}
		})
	}
}

// The error of a folder in an unknown layout names all that is missing, what there is, and what is
// known.
func TestUnknownLayouts(t *testing.T) {
	whole := laidOut{"config.json": "={}", "preprocessor_config.json": "=" + clipRecipe, "tokenizer.json": "+tokenizer.json"}
	for name, c := range map[string]struct {
		files    laidOut
		contains []string
	}{
		"other graphs": {laidOut{"image_encoder.onnx": "=x"}, []string{
			"onnx/vision_model.onnx and onnx/text_model.onnx (or one onnx/model.onnx) are missing", "visual/model.onnx and textual/model.onnx",
			"there are image_encoder.onnx", "config.json is missing", "preprocessor_config.json is missing (or processor_config.json", "tokenizer.json is missing",
		}},
		"channels last": {laidOut{
			"config.json": "={}", "preprocessor_config.json": "=" + clipRecipe, "tokenizer.json": "+tokenizer.json",
			"vision_model.onnx": "names/vision_last.onnx", "text_model.onnx": "two/text_model.onnx",
		}, []string{"pixel_values as NHWC, the channels last", "export it with NCHW"}},
		"an unknown input": {laidOut{
			"config.json": "={}", "preprocessor_config.json": "=" + clipRecipe, "tokenizer.json": "+tokenizer.json",
			"vision_model.onnx": "two/vision_model.onnx", "text_model.onnx": "names/text_unknown.onnx",
		}, []string{`wants an input "language", which is not supported; known are pixel_values, image`}},
		"another resize": {laidOut{
			"config.json": "={}", "visual/preprocess_cfg.json": `={"resize_mode": "stretch"}`, "tokenizer.json": "+tokenizer.json",
			"visual/model.onnx": "immich/visual.onnx", "textual/model.onnx": "immich/textual.onnx",
		}, []string{`visual/preprocess_cfg.json: resize_mode: "stretch" is not supported`}},
	} {
		t.Run(name, func(t *testing.T) {
			o := graphsOf(t, "two", "{}")
			o.Path = c.files.place(t, "model")
			wantFailure(t, o, c.contains...)
		})
	}
	t.Run("no text tower in the second folder", func(t *testing.T) {
		o := graphsOf(t, "two", "{}")
		whole["model.onnx"] = "two/vision_model.onnx"
		o.Path, o.TextPath = whole.place(t, "model"), laidOut{"README.md": "=x"}.place(t, "texts")
		wantFailure(t, o, `a graph of the text tower (text_model.onnx, model.onnx, textual.onnx) is missing in "texts"; there are README.md`, "tokenizer.json is missing")
	})
}

// Texts of open_clip's SigLIPs are cleaned as open_clip.tokenizer.canonicalize_text does.
func TestCanonicalTexts(t *testing.T) {
	for text, want := range map[string]string{
		" A photo_of (two)  CATS!\n": "a photo of two cats", "it's 5 %": "its 5", "Ünder—dash": "ünder—dash", "": "",
	} {
		if got := (textTokenizer{canonical: true}).cleaned(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := (textTokenizer{}).cleaned("A!"); got != "A!" {
		t.Errorf("got %q", got)
	}
}
