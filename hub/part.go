package hub

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"penstock/regular"
)

// A part is a file that is being downloaded, with the checksum of its bytes so far.
type part struct {
	folder *folder
	file   File
	to     *os.File
	sum    hash.Hash
	have   int64
	etag   string // the ETag of the server that sent it; "": none that If-Range could use
}

// openPart opens the part that an earlier attempt left, or creates one.
func openPart(ctx context.Context, f *folder, file File, at func(have int64)) (*part, error) {
	name := staged(file)
	if err := f.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return nil, diskError("make a folder for "+file.Path, err)
	}
	to, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, diskError("create "+file.Path, err)
	}
	p := &part{folder: f, file: file, to: to}
	if err := p.load(ctx, at); err != nil {
		to.Close()
		return nil, err
	}
	return p, nil
}

// load computes the checksum of the bytes that are already there.
func (p *part) load(ctx context.Context, at func(have int64)) error {
	info, err := p.to.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", p.file.Path, err)
	}
	if err := regular.Check(info); err != nil { // a pipe could be read forever
		return fmt.Errorf("read %s: %w", p.file.Path, err)
	}
	if info.Size() > p.file.Size {
		return p.restart()
	}
	p.sum, p.have = p.file.Checksum.hash(p.file.Size), info.Size()
	if err := readInto(ctx, p.sum, p.to, at); err != nil {
		return fmt.Errorf("read %s: %w", p.file.Path, err)
	}
	etag, err := p.folder.root.ReadFile(p.etagFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", p.file.Path, err)
	}
	p.etag = string(etag)
	return nil
}

// etagFile returns the file that keeps the ETag. It is beside the folder that is named by the
// checksum, where no file's path can collide with it.
func (p *part) etagFile() string { return path.Join(staging, p.file.Checksum.hex+".etag") }

// restart drops all bytes.
func (p *part) restart() error {
	if err := errors.Join(p.to.Truncate(0), p.setETag("")); err != nil {
		return fmt.Errorf("restart %s: %w", p.file.Path, err)
	}
	if _, err := p.to.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("restart %s: %w", p.file.Path, err)
	}
	p.sum, p.have = p.file.Checksum.hash(p.file.Size), 0
	return nil
}

// setETag stores the server's ETag. If-Range takes strong ones only (RFC 9110, section 13.1.5).
func (p *part) setETag(etag string) error {
	if !strings.HasPrefix(etag, `"`) {
		etag = ""
	}
	if etag == p.etag {
		return nil
	}
	p.etag = etag
	if etag == "" {
		if err := p.folder.root.Remove(p.etagFile()); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return p.folder.root.WriteFile(p.etagFile(), []byte(etag), 0o644)
}

// Write appends data to the file and its checksum.
func (p *part) Write(data []byte) (int, error) {
	n, err := p.to.Write(data)
	_, _ = p.sum.Write(data[:n]) // hashes never fail
	p.have += int64(n)
	if err != nil {
		return n, diskError("write "+p.file.Path, err)
	}
	return n, nil
}

// verify reports whether the file is complete and has the listed checksum. If so, it has been
// synced to disk.
func (p *part) verify() (bool, error) {
	if p.have != p.file.Size || !p.file.Checksum.matches(p.sum) {
		return false, nil
	}
	if err := p.to.Sync(); err != nil {
		return false, diskError("write "+p.file.Path, err)
	}
	return true, nil
}
