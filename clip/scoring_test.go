package clip

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/engine"
	"penstock/modeldir"
)

func TestLines(t *testing.T) {
	x := []float64{-0.2, 0.1, 0.15, 0.3}
	on := func(scale, bias float64) []float64 {
		var y []float64
		for _, v := range x {
			y = append(y, scale*v+bias)
		}
		return y
	}
	got, err := fit(x, on(117.3, -12.9))
	if err != nil || math.Abs(got.scale-117.3) > 1e-9 || math.Abs(got.bias+12.9) > 1e-9 {
		t.Errorf("%v, %v", got, err)
	}
	bent := on(10, 0)
	bent[1] += 0.5
	for name, c := range map[string]struct{ x, y []float64 }{
		"no line":       {x, bent},
		"a falling one": {x, on(-10, 3)},
		"one cosine":    {[]float64{0.1, 0.1, 0.1}, []float64{1, 1, 1}},
		"two points":    {x[:2], on(10, 0)[:2]},
		"no numbers":    {x, []float64{math.NaN(), 1, 2, 3}},
	} {
		if got, err := fit(c.x, c.y); !errors.Is(err, errNoLine) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A SigLIP takes its scale and bias from its options, from config.json or from model.onnx.
func TestScaleAndBiasOfSigLIP(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	for name, c := range map[string]struct {
		scale, bias         *float64
		config              map[string]any
		wantScale, wantBias float64
	}{
		"the graph":                          {nil, nil, nil, 9.5, -3.25},
		"config.json":                        {nil, nil, map[string]any{"logit_scale": 20, "logit_bias": -5}, 20, -5},
		"a bias of 0":                        {nil, nil, map[string]any{"logit_scale": 20, "logit_bias": 0}, 20, 0},
		"half of it from the graph":          {nil, nil, map[string]any{"logit_scale": 20}, 20, -3.25},
		"the options":                        {number(7), number(0), map[string]any{"logit_scale": 20, "logit_bias": -5}, 7, 0},
		"the options, but for config's bias": {number(7), nil, map[string]any{"logit_bias": -5}, 7, -5},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := familyFolder(t, "siglip", twoTowers...)
			o.LogitScale, o.LogitBias, o.Labels = c.scale, c.bias, nil
			addToConfig(t, o, c.config)
			got := load(t, o).model.scoring
			if math.Abs(got.scale-c.wantScale) > 1e-3 || math.Abs(got.bias-c.wantBias) > 1e-3 || !got.sigmoid || got.check() != nil {
				t.Errorf("%+v, want %g and %g", got, c.wantScale, c.wantBias)
			}
		})
	}
}

// addToConfig adds members to a model's config.json.
func addToConfig(t *testing.T, o Options, members map[string]any) {
	t.Helper()
	path := filepath.Join(o.Path, "config.json")
	all := readJSON[map[string]any](t, path)
	for name, value := range members {
		all[name] = value
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, data)
}

// The options' scale and bias count for CLIP, too.
func TestScaleAndBiasOfCLIP(t *testing.T) {
	o := tiny(t)
	request := Request{Pictures: []Picture{{Data: photo(t, "coffee.jpg")}}}
	want, err := do(t.Context(), load(t, o).predict, request)
	if err != nil {
		t.Fatal(err)
	}
	scale, bias := 2*11.3535, 0.5
	o.LogitScale, o.LogitBias = &scale, &bias
	got, err := do(t.Context(), load(t, o).predict, request)
	if err != nil {
		t.Fatal(err)
	}
	for i, logit := range want.Logits[0] {
		if math.Abs(float64(got.Logits[0][i]-(2*logit+0.5))) > 1e-4 {
			t.Errorf("logit %d is %v, but %v without", i, got.Logits[0][i], logit)
		}
	}
}

// wantNoProbabilities checks that a model makes embeddings and no probabilities, and why.
func wantNoProbabilities(t *testing.T, l loaded, why string) {
	t.Helper()
	_, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: photo(t, "coffee.jpg")}}})
	e, ok := errors.AsType[*apierr.Error](err)
	if !ok || e.Code != apierr.CodeInvalidInput || e.Reason != ReasonNoLogitScale || !strings.Contains(e.Message, why) || !strings.Contains(e.Message, "set logit_scale and logit_bias") {
		t.Errorf("predict: %v", err)
	}
	if _, err := l.call(t, "embed", engine.Input{Body: []byte(`{"model": "siglip", "input": "a cat"}`)}); err != nil {
		t.Errorf("embed: %v", err)
	}
	infer := func(outputs string) (engine.Output, error) {
		ids := strings.TrimSuffix(strings.Repeat("5,", 8), ",")
		pixels := strings.TrimSuffix(strings.Repeat("0.5,", 3*32*32), ",")
		return l.call(t, "infer", engine.Input{MediaType: "application/json", Body: []byte(`{"inputs": [
			{"name": "input_ids", "datatype": "INT64", "shape": [1, 8], "data": [` + ids + `]},
			{"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": [` + pixels + `]}]` + outputs + `}`)})
	}
	out, err := infer("")
	if err != nil || strings.Contains(string(out.Body), imageLogits) || !strings.Contains(string(out.Body), imageEmbeds) || !strings.Contains(string(out.Body), textEmbeds) {
		t.Errorf("infer: %.300s, %v", out.Body, err)
	}
	_, err = infer(`, "outputs": [{"name": "logits_per_image"}]`)
	if e, ok := errors.AsType[*apierr.Error](err); !ok || e.Reason != ReasonNoLogitScale {
		t.Errorf("infer of logits: %v", err)
	}
}

// A SigLIP without scale and bias serves everything but probabilities and logits.
func TestSigLIPWithoutScaleAndBias(t *testing.T) {
	o, _ := familyFolder(t, "siglip", twoTowers...)
	path := filepath.Join(o.Path, "onnx", "model.onnx")
	graph := readFile(t, path)
	writeFile(t, path, bytes.ReplaceAll(graph, []byte(imageLogits), []byte("scores_per_image"))) // as long
	wantNoProbabilities(t, load(t, o), "the graph makes no logits")
	alone, _ := familyFolder(t, "siglip", "onnx/model.onnx")
	wantNoProbabilities(t, load(t, alone), "there is no model.onnx")
	scale, bias := 9.5, -3.25
	o.LogitScale, o.LogitBias = &scale, &bias
	if err := load(t, o).model.scoring.check(); err != nil {
		t.Error(err)
	}
}

// The scale and the bias of towers in one form are taken from a model.onnx in another, which is
// what penstock pull advises to fetch beside them.
func TestScaleAndBiasFromModelOfAnotherDType(t *testing.T) {
	o, _ := familyFolder(t, "siglip")
	for _, tower := range []string{"vision_model", "text_model"} {
		stem := filepath.Join(o.Path, "onnx", tower)
		if err := os.Rename(stem+".onnx", stem+"_quantized.onnx"); err != nil {
			t.Fatal(err)
		}
	}
	o.DType = modeldir.Q8
	if err := load(t, o).model.scoring.check(); err != nil {
		t.Error(err)
	}
}

// What config.json has as model_type decides how a model is served.
func TestModelTypes(t *testing.T) {
	for modelType, want := range map[string]string{
		"": "CLIP", "clip": "CLIP", "clip_text_model": "CLIP", "clip_vision_model": "CLIP", "siglip": "SigLIP", "siglip_vision_model": "SigLIP",
		"siglip2": "SigLIP 2", "chinese_clip": "Chinese-CLIP", "altclip": "AltCLIP", "jina_clip": "jina-clip", "mega_clip_9": "mega_clip_9",
	} {
		got, err := config{familyConfig: familyConfig{ModelType: modelType}}.family()
		if err != nil || got.name != want || got.untested != (want == "jina-clip" || want == modelType) {
			t.Errorf("%q is %+v, %v", modelType, got, err)
		}
	}
	if got, err := (config{familyConfig: familyConfig{ModelType: "xyz", Vision: new(struct{})}}).family(); err != nil || !got.untested {
		t.Errorf("a model with a vision tower is %+v, %v", got, err)
	}
	o := tiny(t)
	o.Path = filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(o.Path, os.DirFS(tiny(t).Path)); err != nil {
		t.Fatal(err)
	}
	addToConfig(t, o, map[string]any{"model_type": "bert", "vision_config": nil})
	wantFailure(t, o, `model_type "bert"`, "chinese_clip")
	addToConfig(t, o, map[string]any{"model_type": "siglip2"})
	writeFile(t, filepath.Join(o.Path, preprocessorConfig), []byte(`{"image_processor_type": "Siglip2ImageProcessor", "patch_size": 16}`))
	wantFailure(t, o, "NaFlex")
	writeFile(t, filepath.Join(o.Path, preprocessorConfig), []byte(`{"size": {"height": 32, "width": 32}}`))
	wantFailure(t, o, "NaFlex")
}

// A model of a family that is served though it has not been tested is reported in the log.
func TestUntestedFamiliesAreLogged(t *testing.T) {
	o := tiny(t)
	o.Path = filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(o.Path, os.DirFS(tiny(t).Path)); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	addToConfig(t, o, map[string]any{"model_type": "jina_clip"})
	load(t, o)
	if !strings.Contains(log.String(), "untested") || !strings.Contains(log.String(), "jina-clip") {
		t.Errorf("the log is %q", log.String())
	}
}
