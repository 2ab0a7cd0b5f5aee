package local

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"penstock/engine"
	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

func library(t testing.TB) onnx.Options {
	t.Helper()
	onnxtest.Open(t) // fails the test where the library is missing
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	return onnx.Options{Library: filepath.Join(onnxtest.Root(t), ".penstock", "onnxruntime", name)}
}

// load loads a model, to be closed with the test.
func load(t testing.TB, o Options) *Model {
	t.Helper()
	o.ONNX = library(t)
	m := New(o)
	if err := m.load(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.close() })
	return m
}

// tiny loads one of the models in testdata.
func tiny(t testing.TB, name string) *Model {
	return load(t, Options{Name: name, Path: filepath.Join("testdata", name)})
}

// smollm2 loads the real model.
func smollm2(t testing.TB) *Model {
	t.Helper()
	path := filepath.Join(onnxtest.Root(t), ".penstock", "models", "smollm2-135m-instruct")
	if _, err := os.Stat(filepath.Join(path, "tokenizer.json")); err != nil {
		t.Fatal("SmolLM2 is missing: run make setup")
	}
	return load(t, Options{Name: "smollm2", Path: path, MaxTokens: 512})
}

// complete generates the completion of a native request, and returns its segments.
func complete(t testing.TB, m *Model, body string) ([]segment, engine.End) {
	t.Helper()
	j := jobOf(t, m, body)
	var all []segment
	end, err := m.complete(context.Background(), j, func(s segment) error { all = append(all, s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all, end
}

func textOf(segments []segment) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(s.text)
	}
	return b.String()
}

// copyOf copies a model folder, with some files changed: "" removes one.
func copyOf(t *testing.T, from string, changed map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for name, content := range changed {
		path := filepath.Join(dir, name)
		var err error
		if content == "" {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadReportsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		changed map[string]string
		want    string
	}{
		"no graph":                {map[string]string{"onnx/model.onnx": ""}, "the model folder has no graph"},
		"no tokenizer":            {map[string]string{"tokenizer.json": ""}, "the model folder has no tokenizer.json"},
		"no config":               {map[string]string{"config.json": ""}, "the model folder has no config.json"},
		"config is no JSON":       {map[string]string{"config.json": "{"}, "config.json: "},
		"no context length":       {map[string]string{"config.json": "{}"}, "max_position_embeddings"},
		"no size of caches":       {map[string]string{"config.json": `{"max_position_embeddings":64,"vocab_size":259}`}, `size of input "past_key_values.0.key"`},
		"a temperature too low":   {generation(`"temperature":-1`), "generation_config.json: temperature must be from 0 to 100, not -1"},
		"a temperature as text":   {generation(`"temperature":"0.7"`), "generation_config.json: temperature must be a number, not string"},
		"top_p above 1":           {generation(`"top_p":1.5`), "generation_config.json: top_p must be from 0 to 1, not 1.5"},
		"top_k below -1":          {generation(`"top_k":-2`), "generation_config.json: top_k must be from -1 to "},
		"top_k with a fraction":   {generation(`"top_k":1.5`), "generation_config.json: top_k must be an integer, not number 1.5"},
		"top_k too large":         {generation(`"top_k":1e30`), "generation_config.json: top_k must be an integer, not number 1e30"},
		"min_p below 0":           {generation(`"min_p":-0.1`), "generation_config.json: min_p must be from 0 to 1, not -0.1"},
		"no repetition penalty":   {generation(`"repetition_penalty":0`), "generation_config.json: repetition_penalty must be from 0.01 to 100, not 0"},
		"do_sample as a number":   {generation(`"do_sample":1`), "generation_config.json: do_sample must be true or false, not number"},
		"an end that is no token": {generation(`"eos_token_id":[1,1000000]`), "generation_config.json: eos_token_id must be a token id from 0 to "},
		"an end below -1":         {generation(`"eos_token_id":-2`), "generation_config.json: eos_token_id must be a token id from 0 to "},
		"an end as text":          {generation(`"eos_token_id":"</s>"`), "generation_config.json: eos_token_id must be an integer or a list of integers"},
		"generation is a list":    {map[string]string{"generation_config.json": "[]"}, "generation_config.json: "},

		"tokenizer unknown":   {map[string]string{"tokenizer.json": `{"model":{"type":"Unigram"}}`}, "tokenizer.json: "},
		"template wants file": {map[string]string{"chat_template.jinja": "{% include 'x' %}"}, "'include' not found"},
		"graph is no ONNX":    {map[string]string{"onnx/model.onnx": "not a graph"}, "Load model from model.onnx failed:Protobuf parsing failed."},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyOf(t, "testdata/tiny32", c.changed)
			err := New(Options{Name: "tiny", Path: dir, ONNX: library(t)}).load(context.Background())
			wantFailure(t, err, dir, c.want)
		})
	}
	dir := t.TempDir()
	err := New(Options{Name: "tiny", Path: filepath.Join(dir, "nowhere"), ONNX: library(t)}).load(context.Background())
	wantFailure(t, err, dir, `there is no model folder "nowhere": check the model's path`)

	dir = copyOf(t, "testdata/tiny32", map[string]string{"tokenizer.json": ""})
	if err := os.Mkdir(filepath.Join(dir, "tokenizer.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	err = New(Options{Name: "tiny", Path: dir, ONNX: library(t)}).load(context.Background())
	wantFailure(t, err, dir, "read tokenizer.json: is a directory")

	for _, name := range []string{"tokenizer.json", "config.json", "generation_config.json", "chat_template.jinja", "onnx/model.onnx_data"} { // opening one would wait for a writer
		dir = copyOf(t, "testdata/tiny32", nil)
		pipe := filepath.Join(dir, name)
		if err := errors.Join(os.RemoveAll(pipe), syscall.Mkfifo(pipe, 0o600)); err != nil {
			t.Fatal(err)
		}
		err = New(Options{Name: "tiny", Path: dir, ONNX: library(t)}).load(context.Background())
		wantFailure(t, err, dir, path.Base(name)+": is a named pipe, not a regular file")
	}

	graph, err := os.ReadFile(filepath.Join(onnxtest.Root(t), ".penstock", "models", "smollm2-135m-instruct", "onnx", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	dir = copyOf(t, "testdata/tiny32", map[string]string{"onnx/model.onnx": string(graph)}) // its weights are in another file
	err = New(Options{Name: "tiny", Path: dir, ONNX: library(t)}).load(context.Background())
	wantFailure(t, err, dir, `does not exist: "model.onnx_data"`)
}

// generation is a generation_config.json with a member.
func generation(member string) map[string]string {
	return map[string]string{"generation_config.json": "{" + member + "}"}
}

// wantFailure checks the reason why a model cannot be loaded. It is public, so it shows no path.
func wantFailure(t *testing.T, err error, dir, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), dir) {
		t.Errorf("error %v, want one with %q and without the folder's path", err, want)
	}
}

func TestReadsTransformersLayout(t *testing.T) {
	m := tiny(t, "tiny32")
	if m.graph.shared || m.graph.positionIDs < 0 || m.graph.caches[0] != (cacheShape{onnx.TypeFloat32, 2, 8}) {
		t.Errorf("graph %+v", m.graph)
	}
	if m.context != 64 || m.longest != 13 || len(m.stops) != 1 || !m.stops[258] || m.template == nil {
		t.Errorf("folder %+v", m.folder)
	}
	m = tiny(t, "tiny16")
	if m.graph.caches[0] != (cacheShape{onnx.TypeFloat16, 2, 8}) {
		t.Errorf("graph %+v", m.graph)
	}
	if len(m.stops) != 2 || !m.stops[257] || !m.stops[258] {
		t.Errorf("stops %v", m.stops)
	}
}

func TestReadsImportersLayout(t *testing.T) {
	m := smollm2(t)
	if !m.graph.shared || m.graph.positionIDs >= 0 || m.graph.vocab != 49152 || m.context != 8192 || !m.stops[2] {
		t.Errorf("graph %+v, folder %+v", m.graph, m.folder)
	}
}

func TestDefaults(t *testing.T) {
	m := tiny(t, "tiny16")
	if j := jobOf(t, m, `{"prompt":"x"}`); j.temperature != 0.5 || j.topK != 3 || j.topP != 1 || j.maxTokens != 64 {
		t.Errorf("generation_config.json's defaults: %+v", j.parameters)
	}
	if j := jobOf(t, m, `{"prompt":"x","temperature":1.5,"top_k":-1,"max_tokens":7,"seed":-1}`); j.temperature != 1.5 || j.topK != 0 || j.maxTokens != 7 || j.seed != 1<<64-1 {
		t.Errorf("the request's own: %+v", j.parameters)
	}
	m = load(t, Options{Name: "tiny", Path: "testdata/tiny32", MaxTokens: 9})
	if j := jobOf(t, m, `{"prompt":"x"}`); j.temperature != 1 || j.topK != 0 || j.topP != 1 || j.maxTokens != 9 || j.repetitionPenalty != 1 {
		t.Errorf("OpenAI's defaults: %+v", j.parameters)
	}
	m = load(t, Options{Name: "tiny", Path: copyOf(t, "testdata/tiny16", map[string]string{"generation_config.json": `{"do_sample":false,"temperature":0.5}`})})
	if j := jobOf(t, m, `{"prompt":"x"}`); j.temperature != 0 {
		t.Errorf("do_sample false: %+v", j.parameters)
	}
}
