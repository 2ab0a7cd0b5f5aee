package hub_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"penstock/hub"
)

func TestOneDTypeIsChosen(t *testing.T) {
	const small = "config.json preprocessor_config.json tokenizer.json "
	s := snapshotOf(small + "onnx/vision_model.onnx onnx/text_model.onnx onnx/model.onnx onnx/vision_model_uint8.onnx onnx/text_model_uint8.onnx " +
		"onnx/model_quantized.onnx onnx/model_quantized.onnx_data onnx/vision_model_q4.onnx")
	for dtype, want := range map[string]string{
		"":      small + "onnx/vision_model.onnx onnx/text_model.onnx",
		"fp32":  small + "onnx/vision_model.onnx onnx/text_model.onnx",
		"uint8": small + "onnx/vision_model_uint8.onnx onnx/text_model_uint8.onnx",
		"q8":    small + "onnx/model_quantized.onnx onnx/model_quantized.onnx_data",
	} {
		of, err := s.OfDType(dtype)
		if err != nil {
			t.Fatal(err)
		}
		files, err := of.Choose(nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Path)
		}
		if sorted := strings.Fields(want); !slices.Equal(names, sorted) {
			t.Errorf("%q: got %v, want %v", dtype, names, sorted)
		}
	}
}

func TestADTypeThatIsMissing(t *testing.T) {
	s := snapshotOf("config.json tokenizer.json onnx/model.onnx onnx/model_q4.onnx")
	_, err := s.OfDType("int8")
	if want := "has no graphs of dtype int8; it has fp32, q4"; !errors.Is(err, hub.ErrNotFound) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = s.OfDType("int4"); err == nil || !strings.Contains(err.Error(), `no dtype "int4": there are fp32, fp16, q8,`) {
		t.Errorf("got %v", err)
	}
	// Without any graph that could be run, Choose explains what there is.
	none, err := snapshotOf("m.gguf").OfDType("q4")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.Choose(nil); !errors.Is(err, hub.ErrNoGraph) {
		t.Errorf("got %v", err)
	}
}
