package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	maxPage  = 32 << 20 // bytes of JSON in one response
	maxFiles = 100_000  // in a repository
	maxPages = 1000     // of its list of files, which also bounds the folders in it
	// maxListing is how long a listing may take, with all pages: a server that sends a byte now and
	// then is never silent.
	maxListing = 10 * time.Minute
)

var errListing = fmt.Errorf("%w: it has not listed its files after %v", ErrContradiction, maxListing)

// A Snapshot is the listing of a repository at one commit.
type Snapshot struct {
	ID     string // as requested
	Commit string // hexadecimal
	Files  []File // sorted by path
}

// A File is one file of a snapshot.
type File struct {
	Path     string // with slashes, safe to write to below a folder
	Size     int64  // bytes
	Checksum Checksum
}

var commit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Snapshot resolves a revision (a branch, tag or commit) to a commit and lists its files. Errors
// wrap ErrNotFound, ErrNotAllowed, ErrUnreachable or ErrContradiction where they apply.
func (c *Client) Snapshot(ctx context.Context, id, revision string) (Snapshot, error) {
	if err := errors.Join(CheckID(id), CheckRevision(revision)); err != nil {
		return Snapshot{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxListing, errListing)
	defer cancel()
	s := Snapshot{ID: id}
	var model struct {
		SHA string `json:"sha"`
	}
	if _, err := c.api(ctx, id, c.url("api/models", id, "revision", url.PathEscape(revision)), &model); err != nil {
		return Snapshot{}, err
	}
	if s.Commit = model.SHA; !commit.MatchString(s.Commit) {
		return Snapshot{}, fmt.Errorf("%w: it does not report which commit %q of %s is", ErrContradiction, revision, id)
	}
	next := c.url("api/models", id, "tree", s.Commit)
	next.RawQuery = "recursive=true"
	for seen := map[string]bool{}; next != nil; {
		if len(seen) == maxPages {
			return Snapshot{}, fmt.Errorf("%w: its file list has more than %d pages", ErrContradiction, maxPages)
		}
		if seen[next.String()] {
			return Snapshot{}, fmt.Errorf("%w: the pages of its file list form a cycle", ErrContradiction)
		}
		seen[next.String()] = true
		var page []entry
		var err error
		if next, err = c.api(ctx, id, next, &page); err != nil {
			return Snapshot{}, err
		}
		if err := s.add(page); err != nil {
			return Snapshot{}, err
		}
	}
	slices.SortFunc(s.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return s, s.consistent()
}

// consistent returns an error if no folder can hold the files: a path is listed twice, or both as a
// file and as a folder.
func (s *Snapshot) consistent() error {
	listed := make(map[string]bool, len(s.Files))
	for _, f := range s.Files {
		if listed[f.Path] {
			return fmt.Errorf("%w: it lists %s twice", ErrContradiction, f.Path)
		}
		listed[f.Path] = true
	}
	for _, f := range s.Files {
		for above := path.Dir(f.Path); above != "."; above = path.Dir(above) {
			if listed[above] {
				return fmt.Errorf("%w: it lists %s as a file and as a folder", ErrContradiction, above)
			}
		}
	}
	return nil
}

// entry is an element of a tree listing.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

func (s *Snapshot) add(page []entry) error {
	for _, e := range page {
		if e.Type != "file" {
			continue
		}
		if err := checkPath(e.Path); err != nil {
			return err
		}
		lfs := ""
		if e.LFS != nil {
			e.Size, lfs = e.LFS.Size, e.LFS.OID
		}
		sum, err := newChecksum(e.OID, lfs)
		if err != nil || e.Size < 0 {
			return fmt.Errorf("%w: it lists %s without a usable size and checksum", ErrContradiction, e.Path)
		}
		s.Files = append(s.Files, File{Path: e.Path, Size: e.Size, Checksum: sum})
	}
	if len(s.Files) > maxFiles {
		return fmt.Errorf("%s has more than %d files: it is not a model that Penstock can run", s.ID, maxFiles)
	}
	return nil
}

// api requests JSON, with retries, and returns the URL of the next page, or nil on the last page.
func (c *Client) api(ctx context.Context, id string, u *url.URL, into any) (next *url.URL, err error) {
	err = c.retry(ctx, func() (bool, error) {
		next, err = c.apiOnce(ctx, id, u, into)
		if t := (temporary{}); errors.As(err, &t) && errors.Is(err, ErrUnreachable) {
			err = t.error // probably a wrong endpoint or no network, so fail at once
		}
		return false, err
	})
	return next, err
}

func (c *Client) apiOnce(ctx context.Context, id string, u *url.URL, into any) (next *url.URL, err error) {
	ctx, alive, stop := watch(ctx)
	defer stop()
	r, err := c.get(ctx, u, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, c.statusError(r, id, "repository "+id)
	}
	raw, err := io.ReadAll(&reader{from: io.LimitReader(r.Body, maxPage+1), each: func(int) error { alive(); return nil }})
	if err != nil {
		return nil, networkError(ctx, u.Host, err)
	}
	if len(raw) > maxPage {
		return nil, fmt.Errorf("%s sends more than %d bytes as a list of files", u.Host, maxPage)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("%s does not respond as a hub: %w", u.Host, err)
	}
	return r.next()
}

var nextPage = regexp.MustCompile(`<([^<>]+)>\s*;[^,<]*\brel="?next\b`)

// next returns the URL of the next page from the Link header (RFC 8288), or nil.
func (r *response) next() (*url.URL, error) {
	for _, link := range r.Header.Values("Link") {
		if m := nextPage.FindStringSubmatch(link); m != nil {
			next, err := r.Request.URL.Parse(m[1])
			if err != nil {
				return nil, fmt.Errorf("%w: the link to the next page of its file list is malformed", ErrContradiction)
			}
			return next, nil
		}
	}
	return nil, nil
}
