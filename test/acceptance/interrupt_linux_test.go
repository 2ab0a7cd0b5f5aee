package acceptance

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"penstock/test/server"
)

// An import that would take minutes ends on the first SIGTERM, and leaves nothing.
func TestAnImportEndsOnTheFirstSIGTERM(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "long.gguf")
	longGGUF(t, path)
	var stderr bytes.Buffer
	command := exec.Command(server.Binary(t), "import", path, filepath.Join(dir, "model"))
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Process.Kill() //nolint:errcheck // it has ended unless the test failed
	for !hasOpen(command.Process.Pid, path) {
		runtime.Gosched()
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // its state is checked
	if command.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "terminated signal received") {
		t.Errorf("it exited with %v, and wrote %s", command.ProcessState, &stderr)
	}
	if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// longGGUF writes a file whose header has a thousand lists of 16 Mi values. It takes little room on
// disk: what is not written is zero.
func longGGUF(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const (
		lists, length = 1000, 1 << 24
		array, boole  = 9, 7
	)
	le := binary.LittleEndian
	entry := le.AppendUint64(le.AppendUint64(le.AppendUint32([]byte("GGUF"), 3), 0), lists)
	at := int64(0)
	for i := range lists {
		name := strconv.Itoa(i)
		entry = append(le.AppendUint64(entry, uint64(len(name))), name...)
		entry = le.AppendUint64(le.AppendUint32(le.AppendUint32(entry, array), boole), length)
		if _, err := f.WriteAt(entry, at); err != nil {
			t.Fatal(err)
		}
		at += int64(len(entry)) + length
		entry = nil
	}
	if err := f.Truncate(at); err != nil {
		t.Fatal(err)
	}
}

// hasOpen reports whether a process has opened a file.
func hasOpen(pid int, path string) bool {
	folder := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, _ := os.ReadDir(folder) // none where it has exited
	for _, entry := range entries {
		if target, _ := os.Readlink(filepath.Join(folder, entry.Name())); target == path {
			return true
		}
	}
	return false
}
