package clip

import (
	"path/filepath"
	"testing"

	"penstock/modeldir"
)

// The form of the graphs that the options name is loaded, whatever better ones there are.
func TestDTypePicksTheGraphs(t *testing.T) {
	o := severalForms(t)
	for dtype, want := range map[modeldir.DType]string{"": "model.onnx", modeldir.FP32: "model.onnx", modeldir.Q8: "model_quantized.onnx", modeldir.UInt8: "model_uint8.onnx"} {
		f, err := openFolder(o.Path, dtype)
		if err != nil {
			t.Fatal(err)
		}
		if vision, text := filepath.Base(f.vision), filepath.Base(f.text); vision != "vision_"+want || text != "text_"+want {
			t.Errorf("%q: got %s and %s", dtype, vision, text)
		}
	}
	o.DType = modeldir.Q8
	load(t, o)
}

func TestADTypeThatIsMissingIsRefused(t *testing.T) {
	o := severalForms(t)
	for _, dtype := range []modeldir.DType{modeldir.Q4, modeldir.FP16} { // there is half a pair of the latter
		o.DType = dtype
		wantFailure(t, o, "it has no graphs of dtype "+string(dtype)+": it has fp32, q8, uint8")
	}
}

// severalForms returns the options of a folder that has pairs of graphs in three forms, and half a
// pair in a fourth.
func severalForms(t *testing.T) Options {
	t.Helper()
	o := graphsOf(t, "two", `{"logit_scale": 17}`)
	folder := filepath.Join(t.TempDir(), "model")
	for _, file := range []string{"config.json", preprocessorConfig, "tokenizer.json"} {
		link(t, filepath.Join(o.Path, file), filepath.Join(folder, file))
	}
	for file, graph := range map[string]string{
		"vision_model.onnx": "two/vision_model.onnx", "text_model.onnx": "two/text_model.onnx",
		"vision_model_quantized.onnx": "two-quantized/vision_model_quantized.onnx", "text_model_quantized.onnx": "two-quantized/text_model_quantized.onnx",
		"vision_model_uint8.onnx": "two-quantized/vision_model_quantized.onnx", "text_model_uint8.onnx": "two-quantized/text_model_quantized.onnx",
		"vision_model_fp16.onnx": "two-halves/vision_model_fp16.onnx",
	} {
		from, err := filepath.Abs(filepath.Join("testdata", "graphs", graph))
		if err != nil {
			t.Fatal(err)
		}
		link(t, from, filepath.Join(folder, "onnx", file))
	}
	o.Path = folder
	return o
}
