package onnx

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
)

// withoutFolders is a failure of ONNX Runtime's with each path in it cut down to its last part: why a model cannot be
// loaded is shown to everybody, at /readyz. path is the one that the library was given, which it writes anyhow; "": none.
func withoutFolders(err error, path string) error {
	said := err.Error()
	if path != "" {
		said = strings.ReplaceAll(said, path, filepath.Base(path))
	}
	// What ONNX Runtime writes besides: a model's files in quotes, and its own source and libraries bare. The names of nodes
	// have slashes too, and stay.
	paths := regexp.MustCompile(`"/[^"]*"|/(?:[\w.+-]+/)+[\w.+-]+\.(?:cc|h|so[\d.]*|dylib)\b`)
	return errors.New(paths.ReplaceAllStringFunc(said, func(found string) string {
		bare := strings.Trim(found, `"`)
		return strings.Replace(found, bare, filepath.Base(bare), 1)
	}))
}
