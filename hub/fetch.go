package hub

import (
	"context"
	"fmt"
)

// Fetch puts files of a snapshot into a folder, which is made where it is missing. What the folder has already, whole, is
// not fetched again; what is different there is replaced. Either all files are in place when it returns or, with an
// error, none is new, and what has come so far waits for the next Fetch. Errors wrap ErrBusy, ErrContradiction,
// ErrNotAllowed or ErrUnreachable where they are that, and the context's cause where that ended.
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
		there, err := f.holds(ctx, file, at)
		if err != nil {
			return err
		}
		if !there {
			if err := c.download(ctx, s, f, file, at); err != nil {
				return err
			}
			fetched = append(fetched, file)
		}
		c.progress.Done(file, !there)
	}
	return f.install(fetched)
}

// download fetches one file into staging, going on after each cut. It is fetched anew once when it came whole but wrong.
func (c *Client) download(ctx context.Context, s Snapshot, f *folder, file File, at func(have int64)) error {
	p, err := openPart(ctx, f, file, at)
	if err != nil {
		return err
	}
	defer p.to.Close()
	reached := p.have // how far it had come when the tries were last counted from one
	anew := false
	err = c.persist(ctx, func() (bool, error) {
		var err error
		if p.have < file.Size {
			err = c.receive(ctx, s, p, at)
		}
		further := p.have >= reached+worth
		if further {
			reached = p.have
		}
		if err != nil {
			return further, err
		}
		ok, err := p.whole()
		if ok || err != nil {
			return further, err
		}
		if err := p.restart(); err != nil {
			return false, err
		}
		err = fmt.Errorf("%w: %s arrived with another checksum than it lists", ErrContradiction, file.Path)
		if !anew {
			anew = true
			return false, temporary{error: err}
		}
		return false, err
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("fetch %s: %w", file.Path, err)
	}
	return err
}

// worth is how many bytes more make a try that was cut one that got further: so a bad line fetches a large file in the
// end, and tries stay bounded.
const worth = 1 << 20
