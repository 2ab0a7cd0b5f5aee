package hub

import (
	"context"
	"fmt"
)

// Fetch downloads files of a snapshot into a folder, which it creates if necessary. Files that the
// folder already holds with the right checksum are not downloaded again; others of the same name
// are replaced. When Fetch returns nil all files are in place. When it returns an error none has
// been changed, and what has been downloaded is staged for the next Fetch. Errors wrap ErrBusy,
// ErrContradiction, ErrNotAllowed, ErrNotFound or ErrUnreachable where they apply, and the
// context's cause if the context ended.
func (c *Client) Fetch(ctx context.Context, s Snapshot, files []File, dir string) error {
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer f.close()
	var fetched []File
	for _, file := range files {
		if err := checkPath(file.Path); err != nil {
			return err
		}
		at := func(have int64) { c.progress.At(file, have) }
		present, err := f.holds(ctx, file, at)
		if err != nil {
			return err
		}
		if !present {
			if err := c.download(ctx, s, f, file, at); err != nil {
				return err
			}
			fetched = append(fetched, file)
		}
		c.progress.Done(file, !present)
	}
	return f.install(fetched)
}

// download downloads one file into staging, and resumes after each cut. A complete file with the
// wrong checksum is downloaded once more from the start.
func (c *Client) download(ctx context.Context, s Snapshot, f *folder, file File, at func(have int64)) error {
	p, err := openPart(ctx, f, file, at)
	if err != nil {
		return err
	}
	defer p.to.Close()
	reached := p.have // bytes there when the count of attempts was last reset
	again := false
	err = c.retry(ctx, func() (bool, error) {
		var err error
		if p.have < file.Size {
			err = c.receive(ctx, s, p, at)
		}
		advanced := p.have >= reached+minAdvance
		if advanced {
			reached = p.have
		}
		if err != nil {
			return advanced, err
		}
		ok, err := p.verify()
		if ok || err != nil {
			return advanced, err
		}
		if err := p.restart(); err != nil {
			return false, err
		}
		err = fmt.Errorf("%w: %s arrived with another checksum than it lists", ErrContradiction, file.Path)
		if !again {
			again = true
			return false, temporary{error: err}
		}
		return false, err
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("fetch %s: %w", file.Path, err)
	}
	return err
}

// minAdvance is how many bytes an attempt must add to reset the count of attempts. A bad connection
// then downloads a large file in the end, while the number of attempts stays bounded.
const minAdvance = 1 << 20
