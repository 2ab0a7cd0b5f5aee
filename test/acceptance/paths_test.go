package acceptance

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"penstock/test/server"
)

// /readyz and errors say why a model cannot be loaded, and never where its files are.
func TestNoResponseShowsAPath(t *testing.T) {
	const secret = "hidden-folder"
	parent := filepath.Join(t.TempDir(), secret)
	clip, llm := filepath.Join(server.Root(t), "models", "clip-tiny"), filepath.Join(server.Root(t), "llm", "local", "testdata", "tiny32")
	var config strings.Builder
	config.WriteString("models:\n")
	var names []string
	broken := func(name, source string, change func(dir string) error) {
		dir := filepath.Join(parent, name)
		if source != "" {
			if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
				t.Fatal(err)
			}
		}
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		options := "kind: clip, labels: [a cat, a dog]"
		if source == llm {
			options = "kind: onnx-llm"
		}
		fmt.Fprintf(&config, "  - {name: %s, %s, path: %q}\n", name, options, dir)
		names = append(names, name)
	}
	write := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	replace := func(name string, with func(path string) error) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			return errors.Join(os.RemoveAll(path), with(path))
		}
	}
	for kind, source := range map[string]string{"clip": clip, "llm": llm} {
		broken(kind+"-empty", source, func(dir string) error { return errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)) })
		broken(kind+"-lost", source, os.RemoveAll)
		broken(kind+"-file", source, replace("", func(path string) error { return os.WriteFile(path, nil, 0o600) }))
		broken(kind+"-config", source, write("config.json", "{"))
		broken(kind+"-folder", source, replace("config.json", func(path string) error { return os.Mkdir(path, 0o700) }))
		broken(kind+"-pipe", source, replace("tokenizer.json", func(path string) error { return syscall.Mkfifo(path, 0o600) }))
		broken(kind+"-loop", source, replace("config.json", func(path string) error { return os.Symlink(path, path) }))
		broken(kind+"-tokenizer", source, write("tokenizer.json", `{"model":{"type":"Unigram"}}`))
		for _, graph := range []string{"onnx/model.onnx", "onnx/text_model.onnx"} {
			if _, err := os.Stat(filepath.Join(source, graph)); err == nil {
				broken(kind+"-graph", source, write(graph, "no graph"))
				broken(kind+"-data", source, replace(graph+"_data", func(path string) error { return syscall.Mkfifo(path, 0o600) }))
			}
		}
	}
	c := server.Start(t, server.Options{Config: config.String()}).Client()
	ready := c.Get("/readyz")
	for _, name := range names {
		if !strings.Contains(ready.Body, `"`+name+`"`) {
			t.Errorf("%s is missing", name)
		}
		for _, r := range []string{c.Post("/v1/models/"+name+":predict", "{}").Body, c.Get("/v1/models/" + name).Body, c.Get("/v2/models/" + name).Body} {
			if strings.Contains(r, secret) || strings.Contains(r, "/tmp") {
				t.Errorf("%s: %s", name, r)
			}
		}
	}
	if ready.Status != http.StatusServiceUnavailable || strings.Contains(ready.Body, secret) || strings.Contains(ready.Body, "/tmp") || strings.Contains(ready.Body, `"state":"ready"`) {
		t.Errorf("/readyz: %d %s", ready.Status, ready.Body)
	}
}

// The same of a library of ONNX Runtime that cannot be opened.
func TestNoResponseShowsThePathOfTheLibrary(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "hidden-folder")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	pipe, text := filepath.Join(dir, "pipe.so"), filepath.Join(dir, "text.so")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(text, []byte("no library"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{pipe, text, filepath.Join(dir, "none.so"), filepath.Join(dir, "folder")} {
		c := server.Start(t, server.Options{Config: fmt.Sprintf("runtime: {onnxruntime: {library: %q}}", library) + bothModels}).Client()
		if r := c.Get("/readyz"); r.Status != http.StatusServiceUnavailable || strings.Contains(r.Body, "hidden-folder") {
			t.Errorf("%s: %d %s", filepath.Base(library), r.Status, r.Body)
		}
	}
}
