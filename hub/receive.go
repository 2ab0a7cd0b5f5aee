package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// receive makes one request for what is missing of a file, and writes down what comes of it.
func (c *Client) receive(ctx context.Context, s Snapshot, p *part, at func(have int64)) error {
	ctx, alive, stop := watch(ctx)
	defer stop()
	header := http.Header{"Accept-Encoding": {"identity"}} // the bytes as the hub counts them
	if p.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
		if p.etag != "" {
			header.Set("If-Range", p.etag)
		}
	}
	address := []string{s.ID, "resolve", s.Commit}
	for part := range strings.SplitSeq(p.file.Path, "/") {
		address = append(address, url.PathEscape(part))
	}
	a, err := c.get(ctx, c.at(address...), header)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if err := p.file.agrees(s, a.hub); err != nil {
		return err
	}
	switch a.StatusCode {
	case http.StatusOK: // all of it: another content than the one that was begun, or a server that knows no ranges
		if p.have > 0 {
			err = p.restart()
		}
	case http.StatusPartialContent:
		err = p.follows(a.Header)
	case http.StatusRequestedRangeNotSatisfiable:
		err = p.again("the server does not have the rest of it")
	default:
		err = c.refusal(a, s.ID, p.file.Path+" in "+s.ID)
	}
	if err != nil {
		return err
	}
	if encoding := a.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return fmt.Errorf("%w: it sends %s compressed, which was not asked for", ErrContradiction, p.file.Path)
	}
	if n := a.ContentLength; n >= 0 && p.have+n != p.file.Size {
		return p.file.size(p.have + n)
	}
	if err := p.name(a.Header.Get("ETag")); err != nil {
		return diskError("write "+p.file.Path, err)
	}
	return p.take(ctx, a, func() { alive(); at(p.have) })
}

// take writes a body down to its end, and calls each after every piece.
func (p *part) take(ctx context.Context, a *answer, each func()) error {
	buffer := make([]byte, 128<<10)
	for {
		n, err := a.Body.Read(buffer)
		if n > 0 {
			if p.have+int64(n) > p.file.Size {
				return p.file.size(p.have + int64(n))
			}
			if _, err := p.Write(buffer[:n]); err != nil {
				return err
			}
			each()
		}
		switch {
		case errors.Is(err, io.EOF) && p.have == p.file.Size:
			return nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return temporary{error: fmt.Errorf("cut off after %d of %d bytes", p.have, p.file.Size)}
		case err != nil:
			return networkError(ctx, a.Request.URL.Host, err)
		}
	}
}

var sha256Name = regexp.MustCompile(`^"?([0-9a-f]{64})"?$`)

// agrees holds what the hub says on the way to a file against what it had listed.
func (f File) agrees(s Snapshot, said http.Header) error {
	if at := said.Get("X-Repo-Commit"); at != "" && at != s.Commit {
		return fmt.Errorf("%w: it answers from commit %.12q, not %.12s", ErrContradiction, at, s.Commit)
	}
	if size := said.Get("X-Linked-Size"); size != "" {
		if n, err := strconv.ParseInt(size, 10, 64); err != nil || n != f.Size {
			return f.size(n)
		}
	}
	if m := sha256Name.FindStringSubmatch(said.Get("X-Linked-ETag")); m != nil && !f.Checksum.git && m[1] != f.Checksum.hex {
		return fmt.Errorf("%w: %s has another checksum now than it lists", ErrContradiction, f.Path)
	}
	return nil
}

func (f File) size(really int64) error {
	return fmt.Errorf("%w: it lists %s with %d bytes and sends %d", ErrContradiction, f.Path, f.Size, really)
}

var contentRange = regexp.MustCompile(`^bytes ([0-9]+)-[0-9]+/([0-9]+|\*)$`)

// follows tells whether a partial answer is the rest of what is here.
func (p *part) follows(h http.Header) error {
	m := contentRange.FindStringSubmatch(h.Get("Content-Range"))
	switch {
	case m == nil || m[1] != strconv.FormatInt(p.have, 10):
		return p.again("the server sends another piece than the one asked for")
	case m[2] != "*" && m[2] != strconv.FormatInt(p.file.Size, 10):
		return fmt.Errorf("%w: it lists %s with %d bytes and sends of %s", ErrContradiction, p.file.Path, p.file.Size, m[2])
	case p.etag != "" && h.Get("ETag") != "" && h.Get("ETag") != p.etag:
		return p.again("the file has changed meanwhile")
	}
	return nil
}

// again forgets what is here; the next try begins at the first byte.
func (p *part) again(why string) error {
	if err := p.restart(); err != nil {
		return err
	}
	return temporary{error: fmt.Errorf("%s; from the start", why)}
}
