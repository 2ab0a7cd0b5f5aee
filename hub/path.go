package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// staging is the folder for incomplete files, inside the target folder.
const staging = ".pull"

var repositoryID = regexp.MustCompile(`^(\w([\w.-]{0,94}\w)?/)?\w([\w.-]{0,94}\w)?$`)

// CheckID returns an error unless id can be a repository's: a name, or an owner and a name with a
// slash between, such as Xenova/clip-vit-base-patch32.
func CheckID(id string) error {
	if strings.Contains(id, "://") {
		return fmt.Errorf("%q is a URL: give the repository's id, such as Xenova/clip-vit-base-patch32", id)
	}
	if !repositoryID.MatchString(id) || strings.Contains(id, "..") || strings.Contains(id, "--") || strings.HasSuffix(id, ".git") {
		return fmt.Errorf("%q is not a repository id: it is an owner and a name, such as Xenova/clip-vit-base-patch32", id)
	}
	return nil
}

// CheckRevision returns an error unless revision can name a branch, tag or commit.
func CheckRevision(revision string) error {
	if revision == "" || len(revision) > 255 || !fs.ValidPath(revision) || strings.ContainsFunc(revision, unprintable) {
		return fmt.Errorf("%q is not a revision: give a branch, a tag or a commit", revision)
	}
	return nil
}

// CheckPattern returns an error unless Choose can use pattern: it has path.Match's syntax and is
// not empty.
func CheckPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return fmt.Errorf("%q is not a file pattern: * and ? stand for anything but a slash, [a-z] for a range", pattern)
	}
	return nil
}

var errPath = errors.New("the hub lists a file under a path that Penstock will not write to")

// checkPath returns an error unless a path that a hub lists may be written to below a folder: it is
// relative, has forward slashes and plain elements, cannot lead out of the folder on any system,
// and is neither in the staging folder nor in a .git folder.
func checkPath(name string) error {
	bad := !fs.ValidPath(name) || name == "." || len(name) > 1024 || !utf8.ValidString(name) ||
		strings.ContainsRune(name, '\\') || strings.ContainsFunc(name, unprintable) || !filepath.IsLocal(filepath.FromSlash(name))
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || len(part) > 255 || strings.EqualFold(part, staging) || strings.EqualFold(part, ".git")
	}
	if bad {
		return fmt.Errorf("%w: %q", errPath, name)
	}
	return nil
}

// unprintable reports whether r could affect a terminal.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
