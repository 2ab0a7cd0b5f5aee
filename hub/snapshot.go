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
)

const (
	maxPage  = 32 << 20 // bytes of JSON in one answer
	maxFiles = 100_000  // in a repository
)

// A Snapshot is a repository at one commit: what it lists can no longer change.
type Snapshot struct {
	ID     string // as it was asked for
	Commit string // hexadecimal
	Files  []File // by path
}

// A File is one of a snapshot's.
type File struct {
	Path     string // with slashes, safe to write to below a folder
	Size     int64  // bytes
	Checksum Checksum
}

var commit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Snapshot finds out which commit a revision (a branch, a tag, a commit) is now, and lists its files. Errors wrap
// ErrNotFound, ErrNotAllowed, ErrUnreachable or ErrContradiction where they are that.
func (c *Client) Snapshot(ctx context.Context, id, revision string) (Snapshot, error) {
	if err := errors.Join(CheckID(id), CheckRevision(revision)); err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{ID: id}
	var model struct {
		SHA string `json:"sha"`
	}
	if _, err := c.api(ctx, id, c.at("api/models", id, "revision", url.PathEscape(revision)), &model); err != nil {
		return Snapshot{}, err
	}
	if s.Commit = model.SHA; !commit.MatchString(s.Commit) {
		return Snapshot{}, fmt.Errorf("%w: it does not say which commit %q of %s is", ErrContradiction, revision, id)
	}
	next := c.at("api/models", id, "tree", s.Commit)
	next.RawQuery = "recursive=true"
	for seen := map[string]bool{}; next != nil; {
		if seen[next.String()] {
			return Snapshot{}, fmt.Errorf("%w: its list of files goes round in a circle", ErrContradiction)
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

// consistent refuses a listing that no folder can hold: a path twice, or as a file and as a folder.
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

// entry is one line of a tree's listing.
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
		return fmt.Errorf("%s has more than %d files: it is no model that Penstock can run", s.ID, maxFiles)
	}
	return nil
}

// api asks for JSON, patiently, and returns where the list goes on, nil at its end.
func (c *Client) api(ctx context.Context, id string, u *url.URL, into any) (next *url.URL, err error) {
	err = c.persist(ctx, func() (bool, error) {
		next, err = c.apiOnce(ctx, id, u, into)
		if t := (temporary{}); errors.As(err, &t) && errors.Is(err, ErrUnreachable) {
			err = t.error // nothing has been had from it yet: say so at once
		}
		return false, err
	})
	return next, err
}

func (c *Client) apiOnce(ctx context.Context, id string, u *url.URL, into any) (next *url.URL, err error) {
	ctx, alive, stop := watch(ctx)
	defer stop()
	a, err := c.get(ctx, u, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, c.refusal(a, id, "repository "+id)
	}
	raw, err := io.ReadAll(&reader{from: io.LimitReader(a.Body, maxPage+1), each: func(int) error { alive(); return nil }})
	if err != nil {
		return nil, networkError(ctx, u.Host, err)
	}
	if len(raw) > maxPage {
		return nil, fmt.Errorf("%s answers with more than can be a list of files", u.Host)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("%s does not speak the hub's API: %w", u.Host, err)
	}
	return a.next()
}

var nextPage = regexp.MustCompile(`<([^<>]+)>\s*;[^,<]*\brel="?next\b`)

// next reads where a list goes on from the Link header (RFC 8288).
func (a *answer) next() (*url.URL, error) {
	for _, link := range a.Header.Values("Link") {
		if m := nextPage.FindStringSubmatch(link); m != nil {
			next, err := a.Request.URL.Parse(m[1])
			if err != nil {
				return nil, fmt.Errorf("%w: its list of files goes on nowhere", ErrContradiction)
			}
			return next, nil
		}
	}
	return nil, nil
}
