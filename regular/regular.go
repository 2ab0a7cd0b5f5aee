package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// The errors of files that are not regular. A folder's is syscall.EISDIR, as package os has it.
var (
	ErrPipe   = errors.New("is a named pipe, not a regular file")
	ErrDevice = errors.New("is a device, not a regular file")
	ErrSocket = errors.New("is a socket, not a regular file")
	ErrOther  = errors.New("is not a regular file")
)

// Open opens a regular file for reading. The caller closes it.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path) // first, because opening some devices does something
	if err != nil {
		return nil, err
	}
	if err := Check(info); err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	// The file may be another by now: without O_NONBLOCK the opening of a pipe would wait.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil {
		err = Check(info)
	}
	if err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

// ReadFile reads a whole regular file.
func ReadFile(path string) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// Check returns nil for a regular file, and else the error that says what the file is.
func Check(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return syscall.EISDIR
	case mode&fs.ModeNamedPipe != 0:
		return ErrPipe
	case mode&fs.ModeDevice != 0:
		return ErrDevice
	case mode&fs.ModeSocket != 0:
		return ErrSocket
	default:
		return ErrOther
	}
}
