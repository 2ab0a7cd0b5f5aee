package clip

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// graphsOf makes a model folder of the graphs in testdata/graphs, in that form, with config.json as
// given.
func graphsOf(t *testing.T, form, config string) Options {
	t.Helper()
	o := tiny(t)
	tokenizer := filepath.Join(o.Path, "tokenizer.json")
	o.Path = filepath.Join(t.TempDir(), form)
	graphs, err := filepath.Abs(filepath.Join("testdata", "graphs", form))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(o.Path, "config.json"), []byte(config))
	writeFile(t, filepath.Join(o.Path, "preprocessor_config.json"), []byte(`{"size": 8, "crop_size": 8}`))
	link(t, tokenizer, filepath.Join(o.Path, "tokenizer.json"))
	if err := os.Symlink(graphs, filepath.Join(o.Path, "onnx")); err != nil {
		t.Fatal(err)
	}
	o.Labels = []string{"a cat", "a photo of a rocket in the sky", "coffee"}
	return o
}

// The results are the same whatever form a graph is exported in.
func TestFormsOfGraphsAgree(t *testing.T) {
	var request Request
	for _, name := range []string{"cat_chelsea.jpg", "coffee.jpg", "rocket.jpg", "photographer_grey.jpg", "cat_chelsea.gif"} {
		request.Pictures = append(request.Pictures, Picture{Data: photo(t, name)})
	}
	predict := func(t *testing.T, form, config string) Result {
		t.Helper()
		got, err := do(t.Context(), load(t, graphsOf(t, form, config)).predict, request)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	const configured = `{"logit_scale": 17}`
	want := predict(t, "two", configured)
	spread := 0.0
	for _, row := range want.Logits {
		spread = max(spread, math.Abs(float64(row[0]-row[1])))
	}
	if spread < 1 {
		t.Fatalf("the pictures look all the same: %v", want.Logits)
	}
	for _, c := range []struct {
		form, config string
		off          float64 // of logits, at most
	}{
		{"two-masked", configured, 1e-4},
		{"two-fixed", configured, 1e-4},
		{"two-halves", configured, 0.05},
		{"two-quantized", configured, 0.5},
		{"one", configured, 1e-4},
		{"one", `{"logit_scale_init_value": 2.6592}`, 1e-4}, // the graph's own scale is used
		{"one-unmasked", `{}`, 1e-4},
		{"one-halves", configured, 0.05},
		{"one-halves", `{}`, 0.1},
	} {
		t.Run(c.form+" "+c.config, func(t *testing.T) {
			got := predict(t, c.form, c.config)
			worst := 0.0
			for i, row := range got.Logits {
				for j, logit := range row {
					worst = max(worst, math.Abs(float64(logit-want.Logits[i][j])))
				}
			}
			if worst > c.off || len(got.Logits) != len(want.Logits) {
				t.Errorf("logits are off by %.4f: %v, not %v", worst, got.Logits, want.Logits)
			}
			t.Logf("logits are off by %.5f", worst)
		})
	}
	if unscaled := predict(t, "two", `{}`); math.Abs(float64(unscaled.Logits[0][0]*17-want.Logits[0][0]*100)) > 1e-2 {
		t.Errorf("without a scale anywhere, logits are %v", unscaled.Logits)
	}
}
