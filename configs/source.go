package configs

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"penstock/regular"
)

// DefaultFile is the file that Find looks for in the working directory.
const DefaultFile = "penstock.yaml"

// maxSize bounds a configuration's text.
const maxSize = 1 << 20

//go:embed penstock.yaml
var builtIn []byte

// Source is a configuration's text and its origin.
type Source struct {
	Name string // in messages
	Dir  string // that its paths are relative to
	Text []byte
}

// Default returns the built-in configuration, whose paths are relative to the working directory.
func Default() Source {
	return Source{Name: "built-in penstock.yaml", Dir: ".", Text: builtIn}
}

// Find reads the configuration file at path. If path is empty, that is DefaultFile if it exists,
// else the built-in configuration. A file that cannot be read is reported as Problems.
func Find(path string) (Source, error) {
	if path != "" {
		return read(path)
	}
	if _, err := os.Stat(DefaultFile); errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	return read(DefaultFile)
}

func read(path string) (Source, error) {
	file, err := regular.Open(path)
	if err != nil {
		return Source{}, unreadable(path, err)
	}
	defer file.Close()
	// One byte more than allowed, so that Load can report a file that is too large.
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return Source{}, unreadable(path, err)
	}
	return Source{Name: path, Dir: filepath.Dir(path), Text: text}, nil
}

func unreadable(path string, err error) Problems {
	if cause := new(fs.PathError); errors.As(err, &cause) {
		err = cause.Err // the path is in the problem's position already
	}
	return Problems{{
		Position: Position{File: path},
		Message:  fmt.Sprintf("cannot be read: %v", err),
		cause:    err,
	}}
}
