// Package onnxtest opens ONNX Runtime for tests, which run in their package's own
// folder and so have to look for the library that `make setup` put in place.
package onnxtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"penstock/onnx"
)

// Open is onnx.Open with the library under the module's root. It fails the test
// when there is none.
func Open(tb testing.TB) *onnx.Runtime {
	tb.Helper()
	rt, err := onnx.Open(onnx.Options{Library: Library(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return rt
}

// Library is the path of the library that `make setup` put in place. It fails the
// test when there is none.
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

// Root is the folder that holds the module's go.mod, at or above the working
// directory.
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
