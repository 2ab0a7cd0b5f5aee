package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/hub/hubtest"
)

func TestPullOfADType(t *testing.T) {
	files := clipFiles()
	files["onnx/vision_model_quantized.onnx"], files["onnx/text_model_quantized.onnx"] = "v", "t"
	h := hubtest.New("a/clip", files)
	env, dir := serveHub(t, h), t.TempDir()
	status, stdout, stderr := penstock(t, dir, env, "pull", h.ID, "--dtype", "q8")
	if want := "{name: clip, kind: clip, path: models/a/clip, dtype: q8, labels: ["; status != 0 || !strings.Contains(stdout, want) {
		t.Fatalf("status %d, want %s:\n%s%s", status, want, stdout, stderr)
	}
	got := slices.Sorted(maps.Keys(readAll(t, filepath.Join(dir, "models", "a", "clip"))))
	want := []string{"config.json", "onnx/text_model_quantized.onnx", "onnx/vision_model_quantized.onnx", "preprocessor_config.json", "tokenizer.json"}
	if !slices.Equal(got, want) {
		t.Errorf("the folder holds %v, want %v", got, want)
	}
}
