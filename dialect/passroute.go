package dialect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// PassRoute names routes of OpenAI-compatible servers, below /v1, that are passed through: one
// path, as rerank, or all paths below one, as audio/*.
type PassRoute string

// passSegment is a part of a path that means the same to every server: it needs no escapes, and is
// no dot segment.
var passSegment = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~:@-]*$`)

const (
	maxPassPath = 512 // bytes
	anyPath     = "*"
)

// neverPassed are parts of paths under which servers keep what belongs to all their clients, and
// what an account is administrated with. All clients of a gateway share its key.
var neverPassed = []string{"files", "fine_tuning", "fine-tunes", "organization", "organizations"}

// ownRoutes are paths that a gateway serves itself, or what they begin with.
var ownRoutes = []string{"chat/completions", "completions", "responses", "embeddings", "models/", "streams/"}

// ParsePassRoute parses a route.
func ParsePassRoute(text string) (PassRoute, error) {
	if text != strings.TrimLeft(text, "/") || text == "v1" || strings.HasPrefix(text, "v1/") {
		return "", errors.New("must be a path below /v1, without that: audio/* or rerank")
	}
	path, below := strings.CutSuffix(text, "/"+anyPath)
	for segment := range strings.SplitSeq(path, "/") {
		if !passSegment.MatchString(segment) {
			return "", errors.New("must be a path of plain parts such as rerank, or all paths below one such as audio/*")
		}
	}
	if len(text) > maxPassPath {
		return "", fmt.Errorf("must have %d characters at most", maxPassPath)
	}
	if name, never := NeverPassed(path); never {
		return "", fmt.Errorf("must be a path without %s in it, where an upstream keeps what belongs to all clients of its key", name)
	}
	for _, own := range ownRoutes {
		if !below && path == strings.TrimSuffix(own, "/") || strings.HasPrefix(path+"/", own) && strings.HasSuffix(own, "/") {
			return "", errors.New("must be no route of this server's own, which are never passed through")
		}
	}
	return PassRoute(text), nil
}

// Matches reports whether a path, as PassPath returns it, is one of the route.
func (r PassRoute) Matches(path string) bool {
	if above, below := strings.CutSuffix(string(r), anyPath); below {
		return len(path) > len(above) && strings.HasPrefix(path, above)
	}
	return path == string(r)
}

// PassPath returns what is below /v1 of a request's path, as the client wrote it. It returns false
// if that is no path which means the same to every server: one with escapes, dot segments or empty
// parts.
func PassPath(escaped string) (path string, ok bool) {
	path, ok = strings.CutPrefix(escaped, "/v1/")
	if !ok || len(path) > maxPassPath {
		return "", false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if !passSegment.MatchString(segment) {
			return "", false
		}
	}
	return path, true
}

// NeverPassed returns the part of a path for which it is never passed through, if it has one.
func NeverPassed(path string) (part string, never bool) {
	for segment := range strings.SplitSeq(path, "/") {
		if slices.Contains(neverPassed, strings.ToLower(segment)) {
			return segment, true
		}
	}
	return "", false
}
