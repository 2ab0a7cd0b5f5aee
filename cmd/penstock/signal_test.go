package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Opening a named pipe would wait for a writer, and a device has no end: neither command starts to
// read.
func TestPipesAndDevicesAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"check --config pipe":      "pipe: cannot be read: is a named pipe, not a regular file\n",
		"serve --config pipe":      "pipe: cannot be read: is a named pipe, not a regular file\n",
		"check --config /dev/zero": "/dev/zero: cannot be read: is a device, not a regular file\n",
		"import pipe model":        "penstock: import pipe: open pipe: is a named pipe, not a regular file\n",
		"import /dev/zero model":   "penstock: import /dev/zero: open /dev/zero: is a device, not a regular file\n",
		"import . model":           "penstock: import .: open .: is a directory\n",
	} {
		if status, _, stderr := penstock(t, dir, nil, strings.Fields(args)...); status == 0 || stderr != want {
			t.Errorf("%s: status %d, %q", args, status, stderr)
		}
	}
}

// The first SIGTERM ends an import in the middle of the weights, and nothing is left of it.
func TestSIGTERMEndsAnImport(t *testing.T) {
	file, err := filepath.Abs("../../.penstock/cache/SmolLM2-135M-Instruct.Q4_1.gguf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal("SmolLM2 is missing: run make setup")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	command := exec.CommandContext(ctx, self, "import", file, "model")
	var stderr bytes.Buffer
	command.Dir, command.Stderr, command.Env = dir, &stderr, []string{asPenstock + "=1"}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for entries, _ := os.ReadDir(dir); len(entries) == 0 && ctx.Err() == nil; entries, _ = os.ReadDir(dir) { // it has not begun to write
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = command.Wait()
	if command.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "terminated") {
		t.Errorf("%v, %q", err, stderr.String())
	}
	if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
