//go:build !linux && !darwin

package hub

import (
	"errors"
	"os"
)

// flock fails: without a lock two processes could corrupt each other's files.
func flock(*os.File) error { return errors.ErrUnsupported }
