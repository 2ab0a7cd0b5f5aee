package clip

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/engine"
	"penstock/hub"
	"penstock/modeldir"
)

// The error of a model that cannot be loaded names what its folder lacks.
func TestFoldersThatAreRefused(t *testing.T) {
	source := tiny(t).Path
	whole := []string{"onnx/vision_model.onnx", "onnx/text_model.onnx", "config.json", "preprocessor_config.json", "tokenizer.json"}
	for _, c := range []struct {
		name     string
		without  []string          // files to leave out
		instead  map[string]string // files to replace: their new text, or "=" and the name of a file
		contains []string
	}{
		{"no towers", whole[:2], nil, []string{"onnx/vision_model.onnx and onnx/text_model.onnx (or one onnx/model.onnx) are missing"}},
		{"half a model", whole[1:2], nil, []string{"onnx/text_model.onnx is missing"}},
		{"the other half", whole[:1], nil, []string{"onnx/vision_model.onnx is missing"}},
		{"nothing", whole, nil, []string{"config.json is missing", "preprocessor_config.json is missing", "tokenizer.json is missing", "onnx/"}},
		{"no preprocessor", whole[3:4], nil, []string{"preprocessor_config.json is missing"}},
		{"broken config", nil, map[string]string{"config.json": "{"}, []string{"config.json: "}},
		{"a scale below 0", nil, map[string]string{"config.json": `{"logit_scale": -1}`}, []string{"logit_scale", "-1"}},
		{"an unsupported step", nil, map[string]string{"preprocessor_config.json": `{"do_pad": true}`}, []string{"preprocessor_config.json: do_pad"}},
		{"another size", nil, map[string]string{"preprocessor_config.json": `{}`}, []string{"32 by 32", "224 by 224"}},
		{"broken tokenizer", nil, map[string]string{"tokenizer.json": "{}"}, []string{"token"}},
		{"broken graph", nil, map[string]string{"onnx/text_model.onnx": "graph"}, []string{"(text)", "Load model from text_model.onnx failed"}},
		{"broken vision tower", nil, map[string]string{"onnx/vision_model.onnx": "graph"}, []string{"(vision)", "Load model from vision_model.onnx failed"}},
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
			wantFailure(t, o, c.contains...)
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
	t.Run("a template with two placeholders", func(t *testing.T) {
		o := tiny(t)
		o.Template = "{} or {}"
		wantFailure(t, o, "\"template\" has {} 2 times")
	})
	t.Run("a label not in UTF-8", func(t *testing.T) {
		o := tiny(t)
		o.Labels[1] = "\xff"
		wantFailure(t, o, "labels[1] is not UTF-8")
	})
	t.Run("an invalid rule", func(t *testing.T) {
		o := tiny(t)
		o.Fetch.Allow = []string{"*.example.com"}
		wantFailure(t, o, "allow: ")
	})
}

// A folder is loaded by the best graphs that are complete, whatever else it has.
func TestFoldersWithMoreThanOneForm(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"one graph and half a pair":        {"onnx/model.onnx": "one/model.onnx", "onnx/vision_model.onnx": ""},
		"one graph and the other half":     {"model.onnx": "one/model.onnx", "onnx/text_model_quantized.onnx": ""},
		"one graph and a quantised pair":   {"onnx/model.onnx": "one/model.onnx", "onnx/vision_model_quantized.onnx": "", "onnx/text_model_quantized.onnx": ""},
		"half a graph and two quantised":   {"onnx/model_fp16.onnx": "one-halves/model_fp16.onnx", "onnx/vision_model_q4.onnx": "", "onnx/text_model_q4.onnx": "", "onnx/model_int8.onnx": ""},
		"a pair and one graph":             {"onnx/vision_model.onnx": "two/vision_model.onnx", "onnx/text_model.onnx": "two/text_model.onnx", "onnx/model.onnx": ""},
		"a pair of two forms, and no more": {"onnx/vision_model.onnx": "two/vision_model.onnx", "onnx/text_model_quantized.onnx": "two-quantized/text_model_quantized.onnx"},
	} {
		t.Run(name, func(t *testing.T) {
			o := graphsOf(t, "two", `{"logit_scale": 17}`)
			folder := filepath.Join(t.TempDir(), "model")
			for _, file := range []string{"config.json", preprocessorConfig, "tokenizer.json"} {
				link(t, filepath.Join(o.Path, file), filepath.Join(folder, file))
			}
			for file, graph := range files {
				if graph == "" {
					writeFile(t, filepath.Join(folder, file), []byte("no graph"))
					continue
				}
				from, err := filepath.Abs(filepath.Join("testdata", "graphs", graph))
				if err != nil {
					t.Fatal(err)
				}
				link(t, from, filepath.Join(folder, file))
			}
			o.Path = folder
			load(t, o)
		})
	}
}

const preprocessorConfig = "preprocessor_config.json"

// penstock pull selects the same graphs of a repository that would be loaded of it all, whichever
// there are.
func TestPullSelectsWhatIsLoaded(t *testing.T) {
	path := t.TempDir()
	var s hub.Snapshot
	add := func(file string) {
		writeFile(t, filepath.Join(path, file), []byte("{}"))
		s.Files = append(s.Files, hub.File{Path: filepath.ToSlash(file)})
	}
	for _, file := range []string{"config.json", preprocessorConfig, "tokenizer.json"} {
		add(file)
	}
	for _, name := range []string{"vision_model", "text_model", "model"} {
		for _, graph := range modeldir.CLIP.Candidates(name) {
			add(graph)
		}
	}
	for range 2 * len(modeldir.CLIP.Candidates("model")) {
		chosen, err := s.Choose(nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(path, "")
		if err != nil {
			t.Fatal(err)
		}
		graphs := map[string]bool{f.vision: true, f.text: true}
		for _, file := range chosen {
			if on := filepath.Join(path, file.Path); filepath.Ext(on) == ".onnx" {
				if !graphs[on] {
					t.Fatalf("pull selects %s, but %s and %s are loaded", on, f.vision, f.text)
				}
				delete(graphs, on)
			}
		}
		if len(graphs) > 0 {
			t.Fatalf("%v would be loaded, but are not pulled", graphs)
		}
		// Without the best, the next.
		for _, graph := range []string{f.vision, f.text} {
			if err := os.RemoveAll(graph); err != nil {
				t.Fatal(err)
			}
			s.Files = slices.DeleteFunc(s.Files, func(file hub.File) bool { return filepath.Join(path, file.Path) == graph })
		}
	}
	if _, err := s.Choose(nil); !errors.Is(err, hub.ErrNoGraph) {
		t.Errorf("at last: %v", err)
	}
}

func wantFailure(t *testing.T, o Options, contains ...string) {
	t.Helper()
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	New(o).Register(e)
	<-e.Load(t.Context())
	s := e.Snapshot().Models[0]
	if s.State != engine.StateFailed {
		t.Fatalf("the model is %s", s.State)
	}
	for _, folder := range []string{filepath.Dir(o.Path), filepath.Dir(o.ONNX.Library)} { // the reason is public
		if strings.Contains(s.Reason, folder) {
			t.Errorf("the reason %q shows the path %s", s.Reason, folder)
		}
	}
	for _, text := range contains {
		if !strings.Contains(s.Reason, text) {
			t.Errorf("the reason %q does not contain %q", s.Reason, text)
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
