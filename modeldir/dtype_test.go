package modeldir_test

import (
	"strings"
	"testing"

	"penstock/modeldir"
)

func TestDTypeOf(t *testing.T) {
	for name, want := range map[string]modeldir.DType{
		"onnx/model.onnx": modeldir.FP32, "visual/model.onnx": modeldir.FP32, "model_fp16.onnx": modeldir.FP16,
		"onnx/vision_model_quantized.onnx": modeldir.Q8, "model_int8.onnx": modeldir.Int8, "model_uint8.onnx": modeldir.UInt8,
		"model_q4.onnx": modeldir.Q4, "model_q4f16.onnx": modeldir.Q4F16, "model_bnb4.onnx": modeldir.BNB4,
		"onnx_q4/model.onnx": modeldir.FP32, "q4.onnx": modeldir.FP32,
	} {
		if got := modeldir.DTypeOf(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestOnlyOneDTypeIsChosen(t *testing.T) {
	pair := func(suffix string) string {
		return " onnx/vision_model" + suffix + ".onnx onnx/text_model" + suffix + ".onnx"
	}
	for name, test := range map[string]struct {
		dtype       modeldir.DType
		files, want string
	}{
		"none: the best":            {"", pair("_q4") + pair("_int8"), pair("_int8")},
		"fp32":                      {modeldir.FP32, pair("_q4") + pair(""), pair("")},
		"q8":                        {modeldir.Q8, pair("_int8") + pair("") + pair("_quantized"), pair("_quantized")},
		"int8 beside uint8":         {modeldir.Int8, pair("_uint8") + pair("_int8"), pair("_int8")},
		"q4 beside q4f16":           {modeldir.Q4, pair("_q4f16") + pair("_q4"), pair("_q4")},
		"one graph of that form":    {modeldir.Q4, pair("") + " onnx/model_q4.onnx", " onnx/model_q4.onnx"},
		"half a pair of that form":  {modeldir.Q4, pair("") + " onnx/vision_model_q4.onnx onnx/text_model_q4f16.onnx", ""},
		"only graphs of other ones": {modeldir.FP32, pair("_fp16"), ""},
	} {
		if got := strings.Join(modeldir.CLIP.Graphs(test.dtype.Only(listing(test.files))), " "); got != strings.TrimSpace(test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	has := modeldir.Q4.Only(listing("config.json model.onnx"))
	if !has("config.json") || has("model.onnx") {
		t.Error("other files than graphs are hidden, or other graphs are not")
	}
}

func TestDTypesOfAFolder(t *testing.T) {
	files := "onnx/vision_model.onnx onnx/text_model.onnx onnx/vision_model_q4.onnx onnx/text_model_q4.onnx onnx/model_uint8.onnx onnx/text_model_int8.onnx"
	if got := modeldir.JoinDTypes(modeldir.CLIP.DTypes(listing(files))); got != "fp32, uint8, q4" {
		t.Errorf("got %q", got)
	}
}
