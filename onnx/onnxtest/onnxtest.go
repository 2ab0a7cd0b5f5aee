// Package onnxtest opens ONNX Runtime for tests. Tests run in the folder of their package, so they
// have to look for the library that `make setup` put under the module's root.
package onnxtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"penstock/onnx"
)

// Open calls onnx.Open with the library under the module's root. It fails the test if there is
// none.
func Open(tb testing.TB) *onnx.Runtime {
	tb.Helper()
	rt, err := onnx.Open(onnx.Options{Library: Library(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return rt
}

// Library returns the path of the library under the module's root. It fails the test if there is
// none.
func Library(tb testing.TB) string {
	tb.Helper()
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	path := filepath.Join(Root(tb), ".penstock", "onnxruntime", name)
	if _, err := os.Stat(path); err != nil {
		tb.Fatal("ONNX Runtime is missing: run make setup")
	}
	return path
}

// Root returns the folder of the module's go.mod, at or above the working directory.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
