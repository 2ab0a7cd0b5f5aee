package regular_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"penstock/regular"
)

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	file, pipe, link, socket := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "socket")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o600), syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if data, err := regular.ReadFile(file); err != nil || string(data) != "text" {
		t.Errorf("%q, %v", data, err)
	}
	for path, want := range map[string]error{
		pipe: regular.ErrPipe, link: regular.ErrPipe, socket: regular.ErrSocket, "/dev/zero": regular.ErrDevice, dir: syscall.EISDIR, filepath.Join(dir, "none"): fs.ErrNotExist,
	} {
		_, err := regular.ReadFile(path)
		if failed, ok := errors.AsType[*fs.PathError](err); !ok || failed.Path != path || !errors.Is(err, want) {
			t.Errorf("%s: got %v, not %v", path, err, want)
		}
	}
}
