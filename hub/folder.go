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

// A folder is the locked target of a Fetch. All access goes through an os.Root, so that symbolic
// links in it cannot lead out of it.
type folder struct {
	root *os.Root
	lock *os.File
}

const lockFile = staging + "/lock"

// openFolder creates the folder if necessary and locks it. It fails with ErrBusy if it is locked.
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

// takeLock locks the lock file. The holder of the lock removes the file when it is done, so a lock
// is valid only on the file that still has the name.
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

// close releases the lock and keeps staged parts. The lock file is removed first; from then on
// another Fetch may hold the folder. The staging folder stays unless it is empty.
func (f *folder) close() {
	_ = f.root.Remove(lockFile)
	_ = f.root.Remove(staging)
	f.lock.Close()
	_ = f.root.Close()
}

// staged returns where a file is kept until all are complete. The checksum is part of the path, so
// a part of some other content is never resumed.
func staged(file File) string { return path.Join(staging, file.Checksum.hex, file.Path) }

// holds reports whether the folder has a file with the right checksum. A directory in its place is
// an error, because it could not be replaced.
func (f *folder) holds(ctx context.Context, file File, at func(have int64)) (bool, error) {
	info, err := f.root.Stat(file.Path)
	if err == nil && info.IsDir() {
		return false, fmt.Errorf("%s is a folder there, not a file: choose another --dir", file.Path)
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != file.Size {
		return false, nil // whatever is wrong with it shows when it is replaced
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

// install moves staged files to their final names, and removes everything else that is staged.
func (f *folder) install(files []File) error {
	for _, file := range files { // first what is most likely to fail
		if err := f.root.MkdirAll(path.Dir(file.Path), 0o755); err != nil {
			return diskError("make a folder for "+file.Path, err)
		}
	}
	for _, file := range files {
		if err := f.root.Rename(staged(file), file.Path); err != nil {
			return diskError("rename "+file.Path, err)
		}
	}
	left, err := fs.ReadDir(f.root.FS(), staging)
	for _, entry := range left {
		if name := path.Join(staging, entry.Name()); name != lockFile && err == nil {
			err = f.root.RemoveAll(name)
		}
	}
	if err != nil {
		return fmt.Errorf("clean up %s: %w", staging, err)
	}
	return nil
}

// readInto copies until the end of from or until the context ends. It calls at with the number of
// bytes so far after each read.
func readInto(ctx context.Context, to io.Writer, from io.Reader, at func(have int64)) error {
	var have int64
	_, err := io.Copy(to, &reader{from: from, each: func(n int) error {
		have += int64(n)
		at(have)
		return context.Cause(ctx)
	}})
	return err
}

// reader calls each after every Read that returned bytes. An error of each ends the reading.
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
