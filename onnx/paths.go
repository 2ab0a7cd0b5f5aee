package onnx

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
)

// withoutFolders returns an error of ONNX Runtime with each path in it reduced to its last element,
// because /readyz shows every client why a model cannot be loaded. path is the one that was passed
// to the library, which repeats it unquoted; "" is none.
func withoutFolders(err error, path string) error {
	message := err.Error()
	if path != "" {
		message = strings.ReplaceAll(message, path, filepath.Base(path))
	}
	// ONNX Runtime also writes a model's files in quotes, and its own sources and libraries
	// without. Names of nodes contain slashes too, and are left as they are.
	paths := regexp.MustCompile(`"/[^"]*"|/(?:[\w.+-]+/)+[\w.+-]+\.(?:cc|h|so[\d.]*|dylib)\b`)
	return errors.New(paths.ReplaceAllStringFunc(message, func(found string) string {
		bare := strings.Trim(found, `"`)
		return strings.Replace(found, bare, filepath.Base(bare), 1)
	}))
}
