package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNoLibrary is returned by DefaultLibrary when it finds no library.
var ErrNoLibrary = errors.New("onnxruntime: no library found: run `make setup`, or set runtime.onnxruntime.library")

// DefaultLibrary returns the path of ONNX Runtime's shared library: the one that `make setup` put
// under .penstock, in the working directory or beside or above the executable, otherwise the
// system's. Its only error is ErrNoLibrary.
func DefaultLibrary() (string, error) {
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	relative := filepath.Join(".penstock", "onnxruntime", name)
	candidates := []string{relative}
	if executable, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(executable); err == nil {
			executable = resolved
		}
		beside := filepath.Dir(executable)
		above := filepath.Dir(beside)
		candidates = append(candidates,
			filepath.Join(beside, relative), filepath.Join(beside, name),
			filepath.Join(above, relative), filepath.Join(above, "lib", name))
	}
	system := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	system = append(system, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/opt/homebrew/lib",
		"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
	for _, dir := range system {
		if dir != "" {
			candidates = append(candidates, filepath.Join(dir, name))
		}
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", ErrNoLibrary
}
