package clip

import (
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"penstock/clip/internal/limit"
	"penstock/clip/internal/pixels"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// clip-tiny has the probabilities that it had in Python, where it was trained.
func TestTinyAgreesWithPython(t *testing.T) {
	type probabilities struct {
		CatDog []float64 `json:"cat_dog"`
		Ten    []float64 `json:"ten"`
	}
	expected := readJSON[struct {
		TenLabels []string                 `json:"ten_labels"`
		Photos    map[string]probabilities `json:"photos"`
	}](t, "testdata/clip-tiny.json")
	l := load(t, tiny(t))
	worst, tried := 0.0, 0
	for name, want := range expected.Photos {
		if _, err := os.Stat(filepath.Join(photoFolder(), name)); err != nil {
			continue // not in the repository
		}
		tried++
		for _, c := range []struct {
			labels []string
			want   []float64
		}{{nil, want.CatDog}, {expected.TenLabels, want.Ten}} {
			got, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: photo(t, name)}}, Labels: c.labels})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, p := range c.want {
				d := math.Abs(float64(got.Probabilities[0][i]) - p)
				if worst = max(worst, d); d > 0.002 {
					t.Errorf("%s: %s has %.4f, not %.4f", name, got.Labels[i], got.Probabilities[0][i], p)
				}
			}
		}
	}
	if tried < 7 {
		t.Errorf("only %d pictures were found", tried)
	}
	t.Logf("%d pictures; the largest difference of a probability is %.5f", tried, worst)
}

// random is what transformers computed with clip-random, a CLIP with random weights.
type random struct {
	Texts  []string `json:"texts"`
	Photos map[string]struct {
		Logits []float64 `json:"logits"`
	} `json:"photos"`
}

// checkRandom compares logits for the available pictures with those of transformers.
func checkRandom(t *testing.T, logits func(t *testing.T, picture []byte) []float32) {
	expected := readJSON[random](t, "testdata/clip-random/expected.json")
	sum, worst, tried := 0.0, 0.0, 0
	for name, want := range expected.Photos {
		if _, err := os.Stat(filepath.Join(photoFolder(), name)); err != nil {
			continue // not in the repository
		}
		for i, l := range logits(t, photo(t, name)) {
			d := math.Abs(float64(l) - want.Logits[i])
			sum, worst, tried = sum+d, max(worst, d), tried+1
			if d > 0.02 {
				t.Errorf("%s: logit %d is %.4f, not %.4f", name, i, l, want.Logits[i])
			}
		}
	}
	if tried < 7*4 {
		t.Fatalf("only %d logits were compared", tried)
	}
	t.Logf("%d logits; mean difference %.4f, largest %.4f", tried, sum/float64(tried), worst)
}

// The vision tower agrees with transformers. The text tower of clip-random is too large for the
// repository: texts.json holds its vectors of the four texts.
func TestRandomVisionAgreesWithTransformers(t *testing.T) {
	const dir = "testdata/clip-random"
	f := &folder{recipe: recipe{data: readFile(t, dir+"/preprocessor_config.json")}}
	processor, err := f.processor(pixels.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := onnxtest.Open(t).LoadFile(dir+"/onnx/vision_model.onnx", onnx.SessionOptions{Name: "clip-random"})
	if err != nil {
		t.Fatal(err)
	}
	height, width := processor.Size()
	towers := &towers{vision: session, height: height, width: width, buffers: sync.Pool{New: func() any { return new(pixelBuffer) }}}
	defer towers.close()
	texts := readJSON[[][]float32](t, dir+"/texts.json")
	scale := readJSON[config](t, dir+"/config.json").LogitScale

	checkRandom(t, func(t *testing.T, picture []byte) []float32 {
		rgb := make([]byte, 3*height*width)
		if err := processor.Process(t.Context(), new(limit.Holder), picture, rgb); err != nil {
			t.Fatal(err)
		}
		image, err := towers.images(t.Context(), 1, func(_ int, tensor []float32) { processor.Normalise(rgb, tensor) })
		if err != nil {
			t.Fatal(err)
		}
		logits := make([]float32, len(texts))
		for i, text := range texts {
			logits[i] = float32(scale * dot(image.at(0), text))
		}
		return logits
	})
}

// The whole of clip-random, as two graphs and as one, in a folder that a variable names.
func TestRandomAgreesWithTransformers(t *testing.T) {
	models := os.Getenv("PENSTOCK_TEST_MODELS")
	if models == "" {
		t.Skip("PENSTOCK_TEST_MODELS names no folder with the whole of clip-random, which is too large for the project; what is in the project has been tested")
	}
	source := filepath.Join(models, "clip-random")
	texts := readJSON[random](t, "testdata/clip-random/expected.json").Texts
	for name, files := range map[string][]string{
		"two graphs":                   {"onnx/vision_model.onnx", "onnx/text_model.onnx", "config.json"},
		"one graph":                    {"onnx/model.onnx", "config.json"},
		"one graph with its own scale": {"onnx/model.onnx"},
	} {
		t.Run(name, func(t *testing.T) {
			o := tiny(t)
			o.Path, o.Labels = t.TempDir(), texts
			for _, file := range append(files, "preprocessor_config.json", "tokenizer.json") {
				writeFile(t, filepath.Join(o.Path, file), readFile(t, filepath.Join(source, file)))
			}
			if len(files) == 1 {
				writeFile(t, filepath.Join(o.Path, "config.json"), []byte(`{"logit_scale_init_value": 2.6592}`))
			}
			l := load(t, o)
			checkRandom(t, func(t *testing.T, picture []byte) []float32 {
				got, err := do(t.Context(), l.predict, Request{Pictures: []Picture{{Data: picture}}})
				if err != nil {
					t.Fatal(err)
				}
				return got.Logits[0]
			})
		})
	}
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
