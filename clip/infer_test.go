package clip

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"penstock/apierr"
	"penstock/clip/internal/limit"
	"penstock/dialect/openinference"
	"penstock/engine"
)

// infer requests tensors as a caller with bytes.
func (l loaded) infer(t *testing.T, request any) (map[string]openinference.Tensor, error) {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.call(t, "infer", engine.Input{MediaType: "application/json", Body: body})
	if err != nil {
		return nil, err
	}
	// A response's tensors have the same form as a request's.
	back, err := openinference.ParseRequest(out.MediaType, []byte(strings.Replace(string(out.Body), `"outputs"`, ` "inputs"`, 1)))
	if err != nil {
		t.Fatalf("%s %s: %v", out.MediaType, out.Body, err)
	}
	tensors := map[string]openinference.Tensor{}
	for _, in := range back.Inputs {
		tensors[in.Name] = in
	}
	return tensors, nil
}

type wire = map[string]any

// pixelsOf are pictures in the protocol's form.
func (l loaded) pixelsOf(t *testing.T, names ...string) wire {
	t.Helper()
	size := l.model.towers.pictureSize()
	pixels := make([]float32, size*len(names))
	rgb := make([]byte, size)
	for i, name := range names {
		if err := l.model.processor.Process(t.Context(), new(limit.Holder), photo(t, name), rgb); err != nil {
			t.Fatal(err)
		}
		l.model.processor.Normalise(rgb, pixels[i*size:(i+1)*size])
	}
	return wire{"name": "pixel_values", "shape": []int{len(names), 3, 32, 32}, "datatype": "FP32", "data": pixels}
}

// infer computes the same as predict of the same pictures.
func TestInferIsPredictInTensors(t *testing.T) {
	o := tiny(t)
	l := load(t, o)
	want, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}, {Data: photo(t, "rocket.jpg")}}})
	if err != nil {
		t.Fatal(err)
	}
	flat := slices.Concat(want.Logits...)
	pixels := l.pixelsOf(t, "cat_chelsea.jpg", "rocket.jpg")
	cat, err := l.model.labels.tokens.encodeTruncated(o.Labels[0])
	if err != nil {
		t.Fatal(err)
	}
	dog, err := l.model.labels.tokens.encodeTruncated(o.Labels[1])
	if err != nil {
		t.Fatal(err)
	}
	end := cat[len(cat)-1]
	ids := wire{"name": "input_ids", "shape": []int{2, len(cat) + 2}, "datatype": "INT64", "data": [][]int64{append(cat, end, end), append(dog, 0, 0)}}
	ones := slices.Repeat([]int{1}, len(cat))
	mask := wire{"name": "attention_mask", "shape": ids["shape"], "datatype": "INT64", "data": [][]int{append(slices.Clone(ones), 0, 0), append(ones, 0, 0)}}

	all, err := l.infer(t, wire{"inputs": []wire{pixels, ids, mask}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Errorf("there are %d outputs", len(all))
	}
	check := func(name string, got openinference.Tensor, shape []int64) {
		t.Helper()
		if !slices.Equal(got.Shape, shape) {
			t.Errorf("%s has shape %v", name, got.Shape)
		}
	}
	check("image_embeds", all["image_embeds"], []int64{2, 128})
	check("text_embeds", all["text_embeds"], []int64{2, 128})
	check("logits_per_image", all["logits_per_image"], []int64{2, 2})
	if !nearly(all["logits_per_image"].Floats, flat) {
		t.Errorf("logits %v, not %v", all["logits_per_image"].Floats, flat)
	}
	if !near(all["text_embeds"].Floats, l.model.labels.defaults.values) {
		t.Error("texts and labels are embedded differently")
	}

	// Without texts, logits are for the model's labels; a request may name its outputs, and have
	// them as bytes.
	alone, err := l.infer(t, wire{
		"inputs": []wire{pixels}, "parameters": wire{"binary_data_output": true},
		"outputs": []wire{{"name": "logits_per_image"}, {"name": "image_embeds", "parameters": wire{"binary_data": false}}},
	})
	if err != nil || len(alone) != 2 || !nearly(alone["logits_per_image"].Floats, flat) || !near(alone["image_embeds"].Floats, all["image_embeds"].Floats) {
		t.Errorf("%d outputs, %v", len(alone), err)
	}
	texts, err := l.infer(t, wire{"inputs": []wire{ids, mask}})
	if err != nil || len(texts) != 1 || !near(texts["text_embeds"].Floats, all["text_embeds"].Floats) {
		t.Errorf("texts alone: %d outputs, %v", len(texts), err)
	}
}

// nearly is near for logits, which are larger.
func nearly(got, want []float32) bool {
	return slices.EqualFunc(got, want, func(a, b float32) bool { return a-b < 1e-3 && b-a < 1e-3 })
}

func TestBadInferRequests(t *testing.T) {
	l := load(t, tiny(t))
	pixels := wire{"name": "pixel_values", "shape": []int{1, 3, 32, 32}, "datatype": "FP32", "data": make([]float32, 3*32*32)}
	changed := func(name string, shape []int, datatype string, data any) wire {
		return wire{"name": name, "shape": shape, "datatype": datatype, "data": data}
	}
	ids := func(data ...int64) wire { return changed("input_ids", []int{1, len(data)}, "INT64", data) }
	mask := func(data ...int64) wire { return changed("attention_mask", []int{1, len(data)}, "INT64", data) }
	huge := make([]float32, 3*32*32)
	for i := range huge {
		huge[i] = 3e38
	}
	for _, c := range []struct {
		name     string
		inputs   []wire
		outputs  []wire
		contains string
	}{
		{"none", nil, nil, "send pixel_values or input_ids"},
		{"a mask alone", []wire{mask(1)}, nil, "send pixel_values or input_ids"},
		{"an unknown one", []wire{pixels, changed("images", []int{0}, "FP32", []int{})}, nil, `no input "images"`},
		{"integers for pixels", []wire{changed("pixel_values", []int{1, 3, 32, 32}, "INT32", make([]int, 3*32*32))}, nil, "FP32 of shape [-1,3,32,32]"},
		{"another size", []wire{changed("pixel_values", []int{1, 3, 16, 64}, "FP32", make([]int, 3*32*32))}, nil, "FP32 of shape [-1,3,32,32]"},
		{"no pictures", []wire{changed("pixel_values", []int{0, 3, 32, 32}, "FP32", []int{})}, nil, "0 pictures"},
		{"too many pictures", []wire{changed("pixel_values", []int{33, 3, 32, 32}, "FP32", make([]int, 33*3*32*32))}, nil, "33 pictures"},
		{"pixels that overflow", []wire{changed("pixel_values", []int{1, 3, 32, 32}, "FP32", huge)}, nil, "no finite numbers"},
		{"an unknown token", []wire{ids(49406, 49408)}, nil, "49408, which is none"},
		{"a negative token", []wire{ids(-1)}, nil, "-1, which is none"},
		{"floats for tokens", []wire{changed("input_ids", []int{1, 1}, "FP32", []int{1})}, nil, "INT64 of shape"},
		{"a flat text", []wire{changed("input_ids", []int{1}, "INT64", []int{1})}, nil, "INT64 of shape"},
		{"a long text", []wire{ids(make([]int64, 78)...)}, nil, "1 to 77"},
		{"no texts", []wire{changed("input_ids", []int{0, 7}, "INT64", []int{})}, nil, "0 texts"},
		{"another mask", []wire{ids(1, 2), mask(1)}, nil, "of the shape of input_ids"},
		{"an empty mask", []wire{ids(1, 2), mask(0, 0)}, nil, "ones on the left"},
		{"a mask on the right", []wire{ids(1, 2), mask(0, 1)}, nil, "ones on the left"},
		{"an unknown output", []wire{pixels}, []wire{{"name": "labels"}}, `no output "labels"`},
		{"an output without input", []wire{pixels}, []wire{{"name": "text_embeds"}}, "needs the input input_ids"},
		{"logits of texts", []wire{ids(1)}, []wire{{"name": "logits_per_image"}}, "needs the input pixel_values"},
		{"an output twice", []wire{pixels}, []wire{{"name": "image_embeds"}, {"name": "logits_per_image"}, {"name": "image_embeds"}}, `output "image_embeds" is named twice`},
		{"an input twice", []wire{ids(1), ids(2)}, nil, `input "input_ids" is given twice`},
		{"broken", []wire{{"name": "pixel_values"}}, nil, "datatype"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.infer(t, wire{"inputs": c.inputs, "outputs": c.outputs})
			var e *apierr.Error
			if !errors.As(err, &e) || e.Code != apierr.CodeInvalidInput || e.Reason == "" || !strings.Contains(e.Message, c.contains) {
				t.Errorf("got %v, not …%s…", err, c.contains)
			}
		})
	}
	if _, err := l.infer(t, wire{"inputs": []wire{pixels, ids(49406, 320, 49407)}}); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestMetadata(t *testing.T) {
	l := load(t, tiny(t))
	out, err := l.engine.Models()[0].Describe()
	if err != nil {
		t.Fatal(err)
	}
	var m openinference.Metadata
	if err := json.Unmarshal(out.Body, &m); err != nil {
		t.Fatal(err)
	}
	const want = `{clip [1] onnxruntime_onnx [{input_ids INT64 [-1 -1]} {pixel_values FP32 [-1 3 32 32]} {attention_mask INT64 [-1 -1]}] ` +
		`[{logits_per_image FP32 [-1 -1]} {text_embeds FP32 [-1 128]} {image_embeds FP32 [-1 128]}]}`
	if got := fmt.Sprint(m); got != want {
		t.Errorf("got %s", got)
	}
}
