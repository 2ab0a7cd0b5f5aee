package local

import (
	"os"
	"path/filepath"
	"testing"

	"penstock/modeldir"
)

// The form of the graph that the options name is run; without one it is whole weights, then those
// that CPUs run well.
func TestDTypePicksTheGraph(t *testing.T) {
	path := filepath.Join("testdata", "tiny32")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(path)); err != nil {
		t.Fatal(err)
	}
	has := modeldir.In(dir)
	graph := filepath.Join(dir, modeldir.Language.Graph("model", has))
	data, err := os.ReadFile(graph)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(graph); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model_fp16.onnx", "model_q4.onnx"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(graph), name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for dtype, want := range map[modeldir.DType]string{"": "model_q4.onnx", modeldir.FP16: "model_fp16.onnx"} {
		f, err := readFolder(dir, dtype)
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(f.graph); got != want {
			t.Errorf("%q: got %s, want %s", dtype, got, want)
		}
	}
	if _, err = readFolder(dir, modeldir.Int8); err == nil || err.Error() != "the model folder has no graph of dtype int8: it has fp16, q4" {
		t.Errorf("got %v", err)
	}
}
