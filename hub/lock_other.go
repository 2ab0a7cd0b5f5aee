//go:build !linux && !darwin

package hub

import (
	"errors"
	"os"
)

// flock refuses: without a lock two at once would spoil each other's files.
func flock(*os.File) error { return errors.ErrUnsupported }
