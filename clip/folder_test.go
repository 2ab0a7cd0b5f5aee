package clip

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/engine"
)

// A model that cannot be loaded says what its folder lacks.
func TestFoldersThatAreRefused(t *testing.T) {
	source := tiny(t).Path
	whole := []string{"onnx/vision_model.onnx", "onnx/text_model.onnx", "config.json", "preprocessor_config.json", "tokenizer.json"}
	for _, c := range []struct {
		name    string
		without []string          // files to leave out
		instead map[string]string // files to put in another's place: their text, or "=" and the name of a file
		says    []string
	}{
		{"no towers", whole[:2], nil, []string{"onnx/vision_model.onnx and onnx/text_model.onnx (or one onnx/model.onnx) are missing"}},
		{"half a model", whole[1:2], nil, []string{"onnx/text_model.onnx is missing"}},
		{"the other half", whole[:1], nil, []string{"onnx/vision_model.onnx is missing"}},
		{"nothing", whole, nil, []string{"config.json is missing", "preprocessor_config.json is missing", "tokenizer.json is missing", "onnx/"}},
		{"no recipe", whole[3:4], nil, []string{"preprocessor_config.json is missing"}},
		{"broken config", nil, map[string]string{"config.json": "{"}, []string{"config.json: "}},
		{"a scale below 0", nil, map[string]string{"config.json": `{"logit_scale": -1}`}, []string{"logit_scale", "-1"}},
		{"a step unknown here", nil, map[string]string{"preprocessor_config.json": `{"do_pad": true}`}, []string{"preprocessor_config.json: do_pad"}},
		{"another size", nil, map[string]string{"preprocessor_config.json": `{}`}, []string{"32 by 32", "224 by 224"}},
		{"broken tokenizer", nil, map[string]string{"tokenizer.json": "{}"}, []string{"token"}},
		{"broken graph", nil, map[string]string{"onnx/text_model.onnx": "graph"}, []string{"(text)", "load"}},
		{"towers exchanged", nil, map[string]string{"onnx/vision_model.onnx": "=onnx/text_model.onnx"}, []string{"(vision)", "gives none of image_embeds", "text_embeds"}},
		{"towers of two models", nil, map[string]string{
			"onnx/vision_model.onnx":   "=../../clip/testdata/clip-random/onnx/vision_model.onnx",
			"preprocessor_config.json": `{}`,
		}, []string{"do not fit together", "128", "24"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := tiny(t)
			o.Path = filepath.Join(t.TempDir(), "model")
			writeFile(t, filepath.Join(o.Path, "README.md"), nil)
			for _, file := range whole {
				text, replaced := c.instead[file]
				from, isFile := strings.CutPrefix(text, "=")
				switch {
				case slices.Contains(c.without, file):
				case replaced && !isFile:
					writeFile(t, filepath.Join(o.Path, file), []byte(text))
				default:
					if !isFile {
						from = file
					}
					link(t, filepath.Join(source, from), filepath.Join(o.Path, file))
				}
			}
			wantFailure(t, o, c.says...)
		})
	}
	t.Run("no folder", func(t *testing.T) {
		o := tiny(t)
		o.Path = filepath.Join(t.TempDir(), "none")
		wantFailure(t, o, `no folder "none"`)
	})
	t.Run("no runtime", func(t *testing.T) {
		o := tiny(t)
		o.ONNX.Library = "no/such/library"
		wantFailure(t, o, "onnxruntime")
	})
	t.Run("a rule that makes no sense", func(t *testing.T) {
		o := tiny(t)
		o.Fetch.Allow = []string{"*.example.com"}
		wantFailure(t, o, "allow: ")
	})
}

func wantFailure(t *testing.T, o Options, says ...string) {
	t.Helper()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	New(o).Register(e)
	<-e.Load(t.Context())
	s := e.Snapshot().Models[0]
	if s.State != engine.StateFailed {
		t.Fatalf("the model is %s", s.State)
	}
	for _, words := range says {
		if !strings.Contains(s.Reason, words) {
			t.Errorf("the reason %q does not say %q", s.Reason, words)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(from, to); err != nil {
		t.Fatal(err)
	}
}
