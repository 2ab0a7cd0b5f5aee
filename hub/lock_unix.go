//go:build linux || darwin

package hub

import (
	"errors"
	"os"
	"syscall"
)

// flock locks an open file, or returns ErrBusy. The operating system releases the lock when the
// file is closed, also when the process dies, so no lock is ever left behind.
func flock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	if err := raw.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) }); err != nil {
		return err
	}
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return locked
}
