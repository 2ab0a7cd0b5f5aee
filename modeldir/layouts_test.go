package modeldir_test

import (
	"strings"
	"testing"

	"penstock/modeldir"
)

func TestLayouts(t *testing.T) {
	for name, test := range map[string]struct{ files, graphs, half, missing string }{
		"Immich":                     {"config.json visual/model.onnx visual/preprocess_cfg.json textual/model.onnx textual/tokenizer.json", "visual/model.onnx textual/model.onnx", "", ""},
		"open_clip":                  {"open_clip_config.json visual.onnx textual.onnx tokenizer.json", "visual.onnx textual.onnx", "", ""},
		"transformers 5":             {"config.json processor_config.json vocab.json merges.txt onnx/model.onnx", "onnx/model.onnx", "", ""},
		"half a vocabulary":          {"config.json processor_config.json vocab.json onnx/vision_model.onnx onnx/text_model.onnx", "onnx/vision_model.onnx onnx/text_model.onnx", "", "tokenizer.json (nor vocab.json with merges.txt, nor vocab.txt)"},
		"a vision tower":             {"config.json preprocessor_config.json model.onnx", "model.onnx", "vision", ""},
		"a vision tower by its name": {"config.json onnx/vision_model_fp16.onnx", "", "vision", "preprocessor_config.json"},
		"a text tower by its name":   {"onnx/text_model.onnx vocab.txt", "", "text", "config.json"},
		"both of different forms":    {"onnx/text_model.onnx onnx/vision_model_q4.onnx preprocessor_config.json tokenizer.json config.json", "", "", ""},
	} {
		has := listing(test.files)
		kind := modeldir.KindOf(has)
		if kind != modeldir.CLIP {
			t.Errorf("%s: is no CLIP", name)
		}
		if got := strings.Join(kind.Graphs(has), " "); got != test.graphs {
			t.Errorf("%s: graphs %q, want %q", name, got, test.graphs)
		}
		if got := string(modeldir.Half(has)); got != test.half {
			t.Errorf("%s: half %q, want %q", name, got, test.half)
		}
		if got := strings.Join(kind.Missing(has), " "); got != test.missing {
			t.Errorf("%s: missing %q, want %q", name, got, test.missing)
		}
	}
	if modeldir.KindOf(listing("config.json model.onnx tokenizer.json")) != modeldir.Language {
		t.Error("a language model is a CLIP")
	}
}
