package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/hub/hubtest"
)

// A repository in any known layout is fetched with what its model needs and no more, and what pull
// prints is a valid configuration.
func TestPullKnowsLayouts(t *testing.T) {
	const vision, text = "vision", "text"
	for name, test := range map[string]struct {
		id      string
		files   map[string]string
		left    []string // files that are not fetched
		printed []string
	}{
		"transformers 5": {
			"a/clip",
			map[string]string{
				"config.json": `{"model_type":"clip"}`, "processor_config.json": `{"image_processor":{}}`, "vocab.json": "{}", "merges.txt": "", "vocab.txt": "",
				"onnx/vision_model_quantized.onnx": vision, "onnx/text_model_quantized.onnx": text, "model.safetensors": "x",
			},
			[]string{"vocab.txt", "model.safetensors"},
			[]string{"# It is a CLIP (model_type clip), of dtype q8. It serves predict, embed and rank.\n", "path: models/a/clip, labels:"},
		},
		"tokenizer.json is enough": {
			"a/clip",
			map[string]string{
				"config.json": `{"model_type":"chinese_clip"}`, "preprocessor_config.json": "{}", "tokenizer.json": "{}", "vocab.json": "{}", "merges.txt": "", "vocab.txt": "",
				"onnx/model.onnx": "both",
			},
			[]string{"vocab.json", "merges.txt", "vocab.txt"},
			[]string{"# It is a Chinese-CLIP (model_type chinese_clip), of dtype fp32."},
		},
		"vocab.txt": {
			"a/clip",
			map[string]string{"config.json": `{"model_type":"chinese_clip"}`, "preprocessor_config.json": "{}", "vocab.txt": "a", "onnx/model.onnx": "both"},
			nil,
			[]string{"path: models/a/clip, labels:"},
		},
		"Immich": {
			"immich-app/ViT-B-32__openai",
			map[string]string{
				"config.json": `{"embed_dim":512,"text_cfg":{}}`, "visual/preprocess_cfg.json": "{}", "visual/model.onnx": vision, "visual/model.armnn": "x",
				"textual/model.onnx": text, "textual/model.onnx.data": "w", "textual/tokenizer.json": "{}", "textual/tokenizer_config.json": "{}",
				"textual/vocab.json": "{}", "rknpu/rk3588/visual/model.rknn": "x",
			},
			[]string{"visual/model.armnn", "rknpu/rk3588/visual/model.rknn"},
			[]string{"# It is a CLIP of open_clip's, of dtype fp32. It serves predict, embed and rank.\n"},
		},
		"open_clip, a SigLIP": {
			"a/b-siglip",
			map[string]string{
				"open_clip_config.json": `{"model_cfg":{"init_logit_bias":-10,"text_cfg":{}},"preprocess_cfg":{}}`, "open_clip_pytorch_model.bin": "x",
				"tokenizer.json": "{}", "visual.onnx": vision, "textual.onnx": text,
			},
			[]string{"open_clip_pytorch_model.bin"},
			[]string{"# It is a SigLIP of open_clip's, of dtype fp32. It serves embed and rank; for predict give its logit_scale and logit_bias too.\n"},
		},
		"SigLIP": {
			"a/siglip",
			map[string]string{
				"config.json": `{"model_type":"siglip"}`, "preprocessor_config.json": "{}", "tokenizer.json": "{}",
				"onnx/model.onnx": "both", "onnx/vision_model.onnx": vision, "onnx/text_model.onnx": text,
			},
			[]string{"onnx/model.onnx"},
			[]string{"# It is a SigLIP, of dtype fp32. It serves embed and rank; for predict", "(--file onnx/model.onnx)"},
		},
		"a vision tower": {
			"Qdrant/clip-ViT-B-32-vision",
			map[string]string{"config.json": `{"model_type":"clip_vision_model"}`, "preprocessor_config.json": "{}", "model.onnx": vision},
			nil,
			[]string{
				"# This is its vision tower only. Fetch the text tower too, which is another repository, by its name: penstock pull Qdrant/clip-ViT-B-32-text.\n",
				"path: models/Qdrant/clip-ViT-B-32-vision, text_path: models/Qdrant/clip-ViT-B-32-text, labels:",
			},
		},
		"a text tower": {
			"Qdrant/clip-ViT-B-32-text",
			map[string]string{"config.json": `{"model_type":"clip_text_model"}`, "tokenizer.json": "{}", "model.onnx": text, "vocab.json": "{}"},
			[]string{"vocab.json"},
			[]string{"penstock pull Qdrant/clip-ViT-B-32-vision.\n", "path: models/Qdrant/clip-ViT-B-32-vision, text_path: models/Qdrant/clip-ViT-B-32-text, labels:"},
		},
		"another vision tower": {
			"a/pictures",
			map[string]string{"config.json": `{"model_type":"clip"}`, "preprocessor_config.json": "{}", "onnx/vision_model.onnx": vision},
			nil,
			[]string{"Fetch the text tower too, which is another repository.\n", "path: models/a/pictures, text_path: models/a/TEXT-FOLDER, labels:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(test.id, test.files)
			env, dir := serveHub(t, h), t.TempDir()
			status, stdout, stderr := penstock(t, dir, env, "pull", h.ID)
			for _, want := range test.printed {
				if status != 0 || !strings.Contains(stdout, want) {
					t.Errorf("status %d, want %q:\n%s%s", status, want, stdout, stderr)
				}
			}
			want := maps.Clone(test.files)
			for _, name := range test.left {
				delete(want, name)
			}
			if got := readAll(t, filepath.Join(dir, "models", filepath.FromSlash(h.ID))); !maps.Equal(got, want) {
				t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
			}
			if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
			if status, stdout, stderr := penstock(t, dir, nil, "check"); status != 0 {
				t.Errorf("what pull prints is no valid configuration: %s%s", stdout, stderr)
			}
		})
	}
}

func TestPullNamesAllThatIsMissing(t *testing.T) {
	h := hubtest.New("a/clip", map[string]string{"preprocessor_config.json": "{}", "onnx/vision_model.onnx": "v", "onnx/text_model.onnx": "t", "vocab.json": "{}"})
	status, _, stderr := penstock(t, t.TempDir(), serveHub(t, h), "pull", h.ID)
	if want := "a/clip has no config.json and no tokenizer.json (nor vocab.json with merges.txt, nor vocab.txt), without which"; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("status %d, want %q: %s", status, want, stderr)
	}
}
