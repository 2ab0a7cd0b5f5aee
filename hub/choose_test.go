package hub_test

import (
	"errors"
	"strings"
	"testing"

	"penstock/hub"
)

func snapshotOf(names string) hub.Snapshot {
	s := hub.Snapshot{ID: id}
	for name := range strings.FieldsSeq(names) {
		s.Files = append(s.Files, hub.File{Path: name})
	}
	return s
}

func TestChoose(t *testing.T) {
	const xenova = "README.md config.json merges.txt onnx/model.onnx onnx/model_fp16.onnx onnx/model_quantized.onnx onnx/text_model.onnx onnx/text_model_quantized.onnx " +
		"onnx/vision_model.onnx onnx/vision_model_quantized.onnx preprocessor_config.json quantize_config.json tokenizer.json tokenizer_config.json vocab.json"
	const clip = "config.json preprocessor_config.json tokenizer.json tokenizer_config.json"
	for name, test := range map[string]struct{ files, patterns, want string }{
		"two towers before one graph":            {xenova, "", clip + " onnx/text_model.onnx onnx/vision_model.onnx"},
		"one graph":                              {"config.json tokenizer.json onnx/model.onnx onnx/model_q4.onnx onnx/decoder_model.onnx", "", "config.json tokenizer.json onnx/model.onnx"},
		"a graph at the top":                     {"config.json tokenizer.json model.onnx", "", "config.json tokenizer.json model.onnx"},
		"part of a pair":                         {"config.json tokenizer.json onnx/vision_model.onnx onnx/text_model_fp16.onnx onnx/model.onnx", "", "config.json tokenizer.json onnx/model.onnx"},
		"only a quantised pair":                  {"config.json tokenizer.json onnx/vision_model_quantized.onnx onnx/text_model_quantized.onnx", "", "config.json tokenizer.json onnx/vision_model_quantized.onnx onnx/text_model_quantized.onnx"},
		"only quantised graphs":                  {"config.json tokenizer.json onnx/model_fp16.onnx onnx/model_q4.onnx", "", "config.json tokenizer.json onnx/model_q4.onnx"},
		"one fp32 graph before a quantised pair": {clip + " onnx/vision_model_quantized.onnx onnx/text_model_quantized.onnx onnx/model.onnx", "", clip + " onnx/model.onnx"},
		"one fp16 graph before a quantised pair": {clip + " onnx/vision_model_quantized.onnx onnx/text_model_quantized.onnx model_fp16.onnx", "", clip + " model_fp16.onnx"},
		"fp16 of a CLIP first":                   {clip + " onnx/model_fp16.onnx onnx/model_q4.onnx", "", clip + " onnx/model_fp16.onnx"},
		"a four-bit pair":                        {clip + " onnx/vision_model_q4.onnx onnx/text_model_q4.onnx onnx/vision_model_bnb4.onnx onnx/text_model_bnb4.onnx", "", clip + " onnx/vision_model_q4.onnx onnx/text_model_q4.onnx"},
		"all that a chat needs": {
			"chat_template.jinja config.json generation_config.json tokenizer.json tokenizer_config.json onnx/model.onnx pytorch_model.bin", "",
			"chat_template.jinja config.json generation_config.json tokenizer.json tokenizer_config.json onnx/model.onnx",
		},
		"external data": {
			"config.json tokenizer.json onnx/model.onnx onnx/model.onnx_data onnx/model.onnx_data_1 onnx/model.onnx.data onnx/model_q4.onnx_data onnx/model_q4.onnx other/model.onnx_data", "",
			"config.json tokenizer.json onnx/model.onnx onnx/model.onnx_data onnx/model.onnx_data_1 onnx/model.onnx.data",
		},
		"a graph adds what it needs": {xenova, "onnx/*_quantized.onnx", clip + " onnx/model_quantized.onnx onnx/text_model_quantized.onnx onnx/vision_model_quantized.onnx"},
		"a pattern for any folder":   {"a/x.json b.json onnx/c.json", "*.json", "a/x.json b.json onnx/c.json"},
		"a pattern for a folder":     {"a/x.json b.json onnx/c.json", "onnx/*", "onnx/c.json"},
		"a name":                     {"README.md docs/README.md x", "README.md", "README.md docs/README.md"},
		"several":                    {xenova, "vocab.json merges.*", "merges.txt vocab.json"},
		"no graph, nothing added":    {"config.json tokenizer.json m.gguf", "*.gguf", "m.gguf"},
		"a graph's data by name":     {"config.json onnx/model_q4.onnx onnx/model_q4.onnx_data", "model_q4.onnx", "config.json onnx/model_q4.onnx onnx/model_q4.onnx_data"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := snapshotOf(test.files).Choose(strings.Fields(test.patterns))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{}
			for name := range strings.FieldsSeq(test.want) {
				want[name] = true
			}
			for _, f := range files {
				if !want[f.Path] {
					t.Errorf("%s is chosen", f.Path)
				}
				delete(want, f.Path)
			}
			if len(want) > 0 {
				t.Errorf("not chosen: %v", want)
			}
		})
	}
}

func TestNothingToChoose(t *testing.T) {
	for name, test := range map[string]struct {
		files, pattern string
		is             error
		want           string // in the error
	}{
		"weights of another kind": {"config.json model.safetensors tokenizer.json", "", hub.ErrNoGraph, id + ": the repository has no ONNX files, which is what Penstock runs"},
		"GGUF":                    {"config.json m.Q4_0.gguf m.Q8_0.gguf", "", hub.ErrNoGraph, "but GGUF: take one with --file (m.Q4_0.gguf, m.Q8_0.gguf), then make a model of it with penstock import"},
		"graphs of another kind":  {"config.json onnx/encoder_model.onnx onnx/decoder_model.onnx", "", nil, "onnx/encoder_model.onnx, onnx/decoder_model.onnx (--file takes any of them)"},
		"no tokenizer":            {"config.json onnx/model.onnx vocab.json", "", nil, "has no tokenizer.json, without which Penstock runs no model"},
		"no match":                {"a b c", "*.onnx", hub.ErrNotFound, `matches "*.onnx"; it has a, b, c`},
		"no match among many":     {strings.Repeat("a ", 15), "x", hub.ErrNotFound, "a and 3 more"},
		"an empty repository":     {"", "x", hub.ErrNotFound, "it has no files"},
		"a bad pattern":           {"a", "[", nil, "is not a file pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := snapshotOf(test.files).Choose(strings.Fields(test.pattern))
			if err == nil || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %v: %s", err, test.is, test.want)
			}
		})
	}
}
