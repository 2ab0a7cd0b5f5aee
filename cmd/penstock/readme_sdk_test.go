//go:build browser

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"penstock/test/server"
)

// OpenAI's own SDK, as `make browser` puts it in place, runs the README's Python.
func TestReadmePythonWorks(t *testing.T) {
	sdk, err := filepath.Glob(filepath.Join(root, ".penstock/openai-*[0-9]"))
	if err != nil || len(sdk) == 0 {
		t.Fatal("OpenAI's SDK is not there: run make browser")
	}
	address := server.Start(t, server.Options{Binary: asItself(t)}).URL
	for _, block := range readmeBlocks(t, "python") {
		cmd := exec.CommandContext(t.Context(), "python3", "-c", strings.ReplaceAll(block.code, readmeAddress, address))
		cmd.Env = append(os.Environ(), "PYTHONPATH="+sdk[len(sdk)-1])
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) == "" {
			t.Errorf("%s\nended with %v and printed:\n%s", block.code, err, out)
		}
	}
}
