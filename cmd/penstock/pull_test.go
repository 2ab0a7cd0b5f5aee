package main

import (
	"bytes"
	"errors"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"penstock/hub/hubtest"
)

// serveHub serves a hub, and its store under another address, and returns the environment that
// names them.
func serveHub(t *testing.T, h *hubtest.Hub) (env []string) {
	t.Helper()
	store := httptest.NewServer(h)
	t.Cleanup(store.Close)
	h.Store = store.URL
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return []string{"HF_ENDPOINT=" + server.URL, "HF_TOKEN=hf_secret"}
}

func clipFiles() map[string]string {
	return map[string]string{
		"README.md": "# CLIP", "config.json": `{"model_type":"clip"}`, "preprocessor_config.json": "{}", "tokenizer.json": "{}",
		"onnx/text_model.onnx": strings.Repeat("text", 1000), "onnx/vision_model.onnx": strings.Repeat("vision", 1000), "onnx/vision_model_fp16.onnx": "half",
	}
}

func TestPullFillsAFolder(t *testing.T) {
	h := hubtest.New("openai/clip-vit-base-patch32", clipFiles())
	h.Token = "hf_secret"
	env, dir := serveHub(t, h), t.TempDir()
	status, stdout, stderr := penstock(t, dir, env, "pull", h.ID)
	const folder = "models/openai/clip-vit-base-patch32"
	want := "# " + h.ID + " at commit " + h.Revision() + " is in " + folder + ".\n" +
		"# Put this into penstock.yaml, and see penstock check:\nmodels:\n" +
		"  - {name: clip-vit-base-patch32, kind: clip, path: " + folder + ", labels: [\"a photo of a cat\", \"a photo of a dog\"]}\n"
	if status != 0 || stdout != want {
		t.Fatalf("status %d, stdout:\n%s\nwant:\n%s\nstderr:\n%s", status, stdout, want, stderr)
	}
	for _, line := range []string{": 5 of 7 files, 9.8 KiB, into " + folder + "\n", "  5.9 KiB   onnx/vision_model.onnx\n", "  here: onnx/text_model.onnx\n"} {
		if !strings.Contains(stderr, line) {
			t.Errorf("stderr lacks %q:\n%s", line, stderr)
		}
	}
	if strings.Contains(stderr, "\r") || strings.Contains(stdout+stderr, "hf_secret") {
		t.Errorf("stderr:\n%q", stderr)
	}
	pulled := clipFiles()
	delete(pulled, "README.md")
	delete(pulled, "onnx/vision_model_fp16.onnx")
	if got := readAll(t, filepath.Join(dir, folder)); !maps.Equal(got, pulled) {
		t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
	}

	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := penstock(t, dir, nil, "check"); status != 0 {
		t.Errorf("what pull prints is no valid configuration: %s%s", stdout, stderr)
	}

	status, _, stderr = penstock(t, dir, env, "pull", h.ID, "--file", "README.md", "--file=*_fp16.onnx", "--revision", h.Revision(), "--dir", folder)
	if status != 0 || !strings.Contains(stderr, "  here: README.md\n") || !strings.Contains(stderr, "  here already: config.json\n") {
		t.Errorf("status %d, stderr:\n%s", status, stderr)
	}
	if got := readAll(t, filepath.Join(dir, folder)); !maps.Equal(got, clipFiles()) {
		t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// Ctrl-C leaves what the next pull continues from, and nothing that looks like a model.
func TestPullIsInterrupted(t *testing.T) {
	h := hubtest.New("openai/clip", clipFiles())
	env, dir := serveHub(t, h), t.TempDir()
	stalled := make(chan struct{})
	h.On("onnx/vision_model.onnx", hubtest.Stall(100, func() { close(stalled) }))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), self, "pull", h.ID, "--dir", "clip")
	command.Dir, command.Stderr, command.Env = dir, &stderr, append([]string{asPenstock + "=1"}, env...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	<-stalled
	if status, _, stderr := penstock(t, dir, env, "pull", h.ID, "--dir", "clip"); status != 1 || !strings.Contains(stderr, "another penstock pull is filling this folder") {
		t.Errorf("a second pull at the same time: status %d, %s", status, stderr)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	exit := (*exec.ExitError)(nil)
	if err := command.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasSuffix(stderr.String(), "penstock: stopped; what has come is kept, and the same command goes on from there\n") {
		t.Errorf("%v, stderr:\n%s", err, stderr.String())
	}
	for name := range readAll(t, filepath.Join(dir, "clip")) {
		if !strings.HasPrefix(name, ".pull/") {
			t.Errorf("%s is in the folder", name)
		}
	}
	h.Requests()
	if status, _, stderr := penstock(t, dir, env, "pull", h.ID, "--dir", "clip"); status != 0 {
		t.Errorf("status %d, %s", status, stderr)
	}
	for _, r := range h.Requests() {
		if strings.HasSuffix(r.Path, "/config.json") || strings.HasSuffix(r.Path, "store/onnx/text_model.onnx") {
			t.Errorf("%s was fetched again", r.Path)
		}
	}
	if got := readAll(t, filepath.Join(dir, "clip")); len(got) != 5 {
		t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestPullAdvice(t *testing.T) {
	bare := map[string]string{"config.json": `{"model_type":"clip"}`, "model.safetensors": "x", "tokenizer.json": "{}"}
	for name, test := range map[string]struct {
		files  map[string]string
		others []*hubtest.Hub
		args   string
		status int
		want   string // on stdout or stderr
	}{
		"no graph":           {bare, nil, "pull a/clip", 1, "a/clip: the repository has no ONNX files, which is what Penstock runs\nLook on the hub for a repository of the same model"},
		"a graph elsewhere":  {bare, []*hubtest.Hub{hubtest.New("Xenova/clip", clipFiles())}, "pull a/clip", 1, "with ONNX files: Xenova/clip\nIf that is the model you want: penstock pull Xenova/clip\n"},
		"GGUF":               {map[string]string{"m.gguf": "x"}, nil, "pull a/clip --file *.gguf", 0, "# Make a model of it: penstock import models/a/clip/m.gguf DIR\n"},
		"a language model":   {map[string]string{"config.json": `{"architectures":["LlamaForCausalLM"]}`, "tokenizer.json": "{}", "onnx/model.onnx": "x"}, nil, "pull a/clip --dir 1", 0, `{name: clip, kind: onnx-llm, path: "1"}`},
		"no recipe":          {map[string]string{"config.json": `{"model_type":"clip"}`, "tokenizer.json": "{}", "onnx/model.onnx": "x"}, nil, "pull a/clip", 0, "# It has no preprocessor_config.json, without which Penstock runs no CLIP: first put there that of the model it was exported from.\n# Put this into penstock.yaml"},
		"another model":      {map[string]string{"config.json": `{"model_type":"bert"}`, "tokenizer.json": "{}", "onnx/model.onnx": "x"}, nil, "pull a/clip", 0, `# Its config.json says "bert": Penstock runs CLIP and causal language models.`},
		"single files":       {clipFiles(), nil, "pull a/clip --file README.md", 0, " is in models/a/clip.\n"},
		"no such repository": {clipFiles(), nil, "pull a/nothing", 1, "the token in HF_TOKEN does not open a/nothing (401)"},
		"no such file":       {clipFiles(), nil, "pull a/clip --file x", 1, `nothing in a/clip matches "x"; it has README.md, config.json`},
		"no such revision":   {clipFiles(), nil, "pull a/clip --revision v2", 1, "a/clip has no revision like that: see --revision"},
		"a missing dtype":    {clipFiles(), nil, "pull a/clip --dtype q4", 1, "a/clip has no graphs of dtype q4; it has fp32"},
		"an unknown dtype":   {clipFiles(), nil, "pull a/clip --dtype int4", 2, `there is no dtype "int4": there are fp32, fp16, q8,`},
		"dtype and files":    {clipFiles(), nil, "pull a/clip --dtype fp32 --file README.md", 2, "leave out one of them"},
		"an address":         {clipFiles(), nil, "pull https://hub.test/a/clip", 2, "is a URL: give the repository's id"},
		"a bad pattern":      {clipFiles(), nil, "pull a/clip --file [", 2, `"[" is not a file pattern`},
		"a bad revision":     {clipFiles(), nil, "pull a/clip --revision ../x", 2, `"../x" is not a revision`},
		"no model":           {clipFiles(), nil, "pull", 2, `"" is not a repository id: it is an owner and a name`},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New("a/clip", test.files)
			h.Others = test.others
			status, stdout, stderr := penstock(t, t.TempDir(), serveHub(t, h), strings.Fields(test.args)...)
			if status != test.status || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("status %d, want %d and %q:\n%s%s", status, test.status, test.want, stdout, stderr)
			}
		})
	}
	status, _, stderr := penstock(t, t.TempDir(), []string{"HF_ENDPOINT=nowhere"}, "pull", "a/clip")
	if status != 1 || !strings.Contains(stderr, "HF_ENDPOINT must be an address") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// readAll returns all files below a folder.
func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
