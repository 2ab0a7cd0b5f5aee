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

// receive sends one request for the missing bytes of a file and writes what it receives.
func (c *Client) receive(ctx context.Context, s Snapshot, p *part, at func(have int64)) error {
	ctx, alive, stop := watch(ctx)
	defer stop()
	header := http.Header{"Accept-Encoding": {"identity"}} // sizes and ranges count uncompressed bytes
	if p.have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.have))
		if p.etag != "" {
			header.Set("If-Range", p.etag)
		}
	}
	elements := []string{s.ID, "resolve", s.Commit}
	for element := range strings.SplitSeq(p.file.Path, "/") {
		elements = append(elements, url.PathEscape(element))
	}
	r, err := c.get(ctx, c.url(elements...), header)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := p.file.agrees(s, r.hub); err != nil {
		return err
	}
	switch r.StatusCode {
	case http.StatusOK: // the whole file: its content has changed, or the server does not support ranges
		if p.have > 0 {
			err = p.restart()
		}
	case http.StatusPartialContent:
		err = p.continues(r.Header)
	case http.StatusRequestedRangeNotSatisfiable:
		err = p.startOver("the server does not have the rest of it")
	default:
		err = c.statusError(r, s.ID, p.file.Path+" in "+s.ID)
	}
	if err != nil {
		return err
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return fmt.Errorf("%w: it sends %s compressed, which was not requested", ErrContradiction, p.file.Path)
	}
	if n := r.ContentLength; n >= 0 && p.have+n != p.file.Size {
		return p.file.sizeError(p.have + n)
	}
	if err := p.setETag(r.Header.Get("ETag")); err != nil {
		return diskError("write "+p.file.Path, err)
	}
	return p.readBody(ctx, r, func() { alive(); at(p.have) })
}

// readBody writes a response body to the part, and calls each after every read.
func (p *part) readBody(ctx context.Context, r *response, each func()) error {
	buffer := make([]byte, 128<<10)
	for {
		n, err := r.Body.Read(buffer)
		if n > 0 {
			if p.have+int64(n) > p.file.Size {
				return p.file.sizeError(p.have + int64(n))
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
			return networkError(ctx, r.Request.URL.Host, err)
		}
	}
}

var sha256ETag = regexp.MustCompile(`^"?([0-9a-f]{64})"?$`)

// agrees compares the headers of the hub's response for a file with its listing.
func (f File) agrees(s Snapshot, h http.Header) error {
	if at := h.Get("X-Repo-Commit"); at != "" && at != s.Commit {
		return fmt.Errorf("%w: it responds from commit %.12q, not %.12s", ErrContradiction, at, s.Commit)
	}
	if size := h.Get("X-Linked-Size"); size != "" {
		if n, err := strconv.ParseInt(size, 10, 64); err != nil || n != f.Size {
			return f.sizeError(n)
		}
	}
	if m := sha256ETag.FindStringSubmatch(h.Get("X-Linked-ETag")); m != nil && !f.Checksum.git && m[1] != f.Checksum.hex {
		return fmt.Errorf("%w: %s has another checksum now than it lists", ErrContradiction, f.Path)
	}
	return nil
}

func (f File) sizeError(sent int64) error {
	return fmt.Errorf("%w: it lists %s with %d bytes and sends %d", ErrContradiction, f.Path, f.Size, sent)
}

var contentRange = regexp.MustCompile(`^bytes ([0-9]+)-[0-9]+/([0-9]+|\*)$`)

// continues returns an error unless a partial response continues the part.
func (p *part) continues(h http.Header) error {
	m := contentRange.FindStringSubmatch(h.Get("Content-Range"))
	switch {
	case m == nil || m[1] != strconv.FormatInt(p.have, 10):
		return p.startOver("the server sends a range other than the one requested")
	case m[2] != "*" && m[2] != strconv.FormatInt(p.file.Size, 10):
		return fmt.Errorf("%w: it lists %s with %d bytes and sends of %s", ErrContradiction, p.file.Path, p.file.Size, m[2])
	case p.etag != "" && h.Get("ETag") != "" && h.Get("ETag") != p.etag:
		return p.startOver("the file has changed meanwhile")
	}
	return nil
}

// startOver drops the bytes so far, so that the next attempt starts at the first byte.
func (p *part) startOver(why string) error {
	if err := p.restart(); err != nil {
		return err
	}
	return temporary{error: fmt.Errorf("%s; starting over", why)}
}
