//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever is no regular file is refused at once: nothing waits for the other end of a FIFO, or
// reads a device that never ends.
func TestFIFOsAndDevicesAreRefused(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		os.Mkdir(filepath.Join(dir, "folder"), 0o700),
		os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("models: [{name: a, kind: onnx-llm, path: a}]\nauth: {keys_file: fifo}\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "upstream.yaml"), []byte("models: [{name: a, kind: openai, upstreams: [{base_url: \"http://127.0.0.1/v1\", api_key_file: fifo}]}]\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"import fifo made":             "penstock: import fifo: open fifo: is a named pipe, not a regular file\n",
		"import folder made":           "penstock: import folder: open folder: is a directory\n",
		"import /dev/zero made":        "penstock: import /dev/zero: open /dev/zero: is a device, not a regular file\n",
		"check --config fifo":          "fifo: cannot be read: is a named pipe, not a regular file\n",
		"serve --config /dev/zero":     "/dev/zero: cannot be read: is a device, not a regular file\n",
		"check --config keys.yaml":     ", not a regular file",
		"serve --config upstream.yaml": "upstream.yaml:1:94: models[0].upstreams[0].api_key_file cannot be used: open fifo: is a named pipe, not a regular file\n",
	} {
		status, stdout, stderr := penstock(t, dir, nil, strings.Fields(args)...)
		if status == 0 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q, %q, want %q", args, status, stdout, stderr, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "made")); err == nil {
		t.Error("a folder was made")
	}
}
