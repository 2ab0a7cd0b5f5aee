package modeldir_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/modeldir"
)

// listing is the Has of names separated by spaces.
func listing(names string) modeldir.Has {
	return func(name string) bool { return slices.Contains(strings.Fields(names), name) }
}

func TestGraphs(t *testing.T) {
	for name, test := range map[string]struct {
		kind        modeldir.Kind
		files, want string
	}{
		"the pair before the single graph":      {modeldir.CLIP, "model.onnx onnx/vision_model.onnx onnx/text_model.onnx", "onnx/vision_model.onnx onnx/text_model.onnx"},
		"a better form before the pair":         {modeldir.CLIP, "model.onnx vision_model_fp16.onnx text_model_fp16.onnx", "model.onnx"},
		"onnx/ before the top":                  {modeldir.Language, "model.onnx onnx/model.onnx", "onnx/model.onnx"},
		"a better form at the top before onnx/": {modeldir.Language, "model.onnx onnx/model_q4.onnx", "model.onnx"},
		"CLIP prefers half precision":           {modeldir.CLIP, "onnx/model_q4.onnx onnx/model_fp16.onnx", "onnx/model_fp16.onnx"},
		"language models prefer four bits":      {modeldir.Language, "onnx/model_q4.onnx onnx/model_fp16.onnx", "onnx/model_q4.onnx"},
		"a pair across two folders":             {modeldir.CLIP, "onnx/vision_model.onnx text_model.onnx", ""},
		"other graphs":                          {modeldir.Language, "onnx/decoder_model.onnx", ""},
	} {
		if got := strings.Join(test.kind.Graphs(listing(test.files)), " "); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestGraph(t *testing.T) {
	has := listing("onnx/text_model_quantized.onnx text_model_fp16.onnx")
	if got := modeldir.CLIP.Graph("text_model", has); got != "text_model_fp16.onnx" {
		t.Errorf("got %q", got)
	}
	if got := modeldir.CLIP.Graph("vision_model", has); got != "" {
		t.Errorf("a graph that is missing: got %q", got)
	}
}

func TestGraphOf(t *testing.T) {
	for name, want := range map[string]string{
		"onnx/model.onnx_data": "onnx/model.onnx", "model.onnx.data": "model.onnx", "model.onnx_data_1": "model.onnx",
		"model.onnx": "", "model_data": "", "model.onnx.md": "",
	} {
		if got := modeldir.GraphOf(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestInTakesRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "onnx", "model.onnx"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "onnx", "model_q4.onnx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := modeldir.Language.Graph("model", modeldir.In(dir)); got != "onnx/model_q4.onnx" {
		t.Errorf("got %q", got)
	}
}
