package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// A folder is being filled, by nobody else meanwhile. Everything goes through an os.Root: not even a link that lies in it
// leads out of it.
type folder struct {
	root *os.Root
	lock *os.File
}

const lockFile = staging + "/lock"

// openFolder makes the folder where it is missing and takes its lock. Errors wrap ErrBusy.
func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, diskError("make the folder", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	lock, err := takeLock(root)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), root.Close())
	}
	return &folder{root: root, lock: lock}, nil
}

// takeLock locks the lock file. Whoever holds it removes it in the end, so a lock counts only on the file that still has
// the name.
func takeLock(root *os.Root) (*os.File, error) {
	for {
		if err := root.MkdirAll(staging, 0o755); err != nil {
			return nil, err
		}
		lock, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o644)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed in between
		} else if err != nil {
			return nil, err
		}
		err = flock(lock)
		if err == nil {
			var held, named fs.FileInfo
			if held, err = lock.Stat(); err == nil {
				if named, err = root.Stat(lockFile); err == nil && os.SameFile(held, named) {
					return lock, nil
				}
			}
		}
		lock.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// close gives the lock back, and keeps the parts that are staged. The lock file goes last but for its folder, which stays
// where it isn't empty: from then on another may be at work.
func (f *folder) close() {
	_ = f.root.Remove(lockFile)
	_ = f.root.Remove(staging)
	f.lock.Close()
	_ = f.root.Close()
}

// staged is where a file lies until all are complete. Its checksum is in the name: what was begun for another content is
// not gone on with.
func staged(file File) string { return path.Join(staging, file.Checksum.hex, file.Path) }

// holds tells whether the folder has a file, whole and as it should be. What could not be replaced is an error.
func (f *folder) holds(ctx context.Context, file File, at func(have int64)) (bool, error) {
	info, err := f.root.Stat(file.Path)
	if err == nil && info.IsDir() {
		return false, fmt.Errorf("%s is a folder there, not a file: choose another --dir", file.Path)
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != file.Size {
		return false, nil // whatever is wrong with it shows when the new one takes its place
	}
	r, err := f.root.Open(file.Path)
	if err != nil {
		return false, nil
	}
	defer r.Close()
	sum := file.Checksum.hash(file.Size)
	if err := readInto(ctx, sum, r, at); err != nil {
		return false, fmt.Errorf("read %s: %w", file.Path, err)
	}
	return file.Checksum.matches(sum), nil
}

// install gives staged files their names, and removes what else is staged: nothing needs it any more.
func (f *folder) install(files []File) error {
	for _, file := range files { // first what can fail
		if err := f.root.MkdirAll(path.Dir(file.Path), 0o755); err != nil {
			return diskError("make a folder for "+file.Path, err)
		}
	}
	for _, file := range files {
		if err := f.root.Rename(staged(file), file.Path); err != nil {
			return diskError("put "+file.Path+" in its place", err)
		}
	}
	left, err := fs.ReadDir(f.root.FS(), staging)
	for _, entry := range left {
		if name := path.Join(staging, entry.Name()); name != lockFile && err == nil {
			err = f.root.RemoveAll(name)
		}
	}
	if err != nil {
		return fmt.Errorf("tidy %s: %w", staging, err)
	}
	return nil
}

// readInto reads to the end, or until the context ends, and says after each piece how much has been read.
func readInto(ctx context.Context, to io.Writer, from io.Reader, at func(have int64)) error {
	var have int64
	_, err := io.Copy(to, &reader{from: from, each: func(n int) error {
		have += int64(n)
		at(have)
		return context.Cause(ctx)
	}})
	return err
}

// reader calls each after every Read that brought something.
type reader struct {
	from io.Reader
	each func(n int) error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if n > 0 {
		if stop := r.each(n); stop != nil {
			return n, stop
		}
	}
	return n, err
}
