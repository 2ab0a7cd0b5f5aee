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

// staging is the folder, inside the one being filled, that holds what is not complete yet.
const staging = ".pull"

var repositoryID = regexp.MustCompile(`^(\w([\w.-]{0,94}\w)?/)?\w([\w.-]{0,94}\w)?$`)

// CheckID tells whether id can be a repository's: a name, or an owner and a name with a slash between, such as
// Xenova/clip-vit-base-patch32.
func CheckID(id string) error {
	if strings.Contains(id, "://") {
		return fmt.Errorf("%q is an address: give the repository's id, such as Xenova/clip-vit-base-patch32", id)
	}
	if !repositoryID.MatchString(id) || strings.Contains(id, "..") || strings.Contains(id, "--") || strings.HasSuffix(id, ".git") {
		return fmt.Errorf("%q is no repository id: it is an owner and a name, such as Xenova/clip-vit-base-patch32", id)
	}
	return nil
}

// CheckRevision tells whether a branch, tag or commit can have that name.
func CheckRevision(revision string) error {
	if revision == "" || len(revision) > 255 || !fs.ValidPath(revision) || strings.ContainsFunc(revision, unprintable) {
		return fmt.Errorf("%q is no revision: give a branch, a tag or a commit", revision)
	}
	return nil
}

// CheckPattern tells whether Choose can use a pattern: path.Match's syntax, not empty.
func CheckPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return fmt.Errorf("%q is no file pattern: * and ? stand for anything but a slash, [a-z] for a range", pattern)
	}
	return nil
}

var errPath = errors.New("the hub lists a file under a path that Penstock will not write to")

// checkPath tells whether a path that a hub sent may be written to below a folder: relative, with slashes, plain parts,
// nothing that a system reads as a way out, and neither our own staging nor a git repository's inside.
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

// unprintable finds what could fool a terminal.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
