package auth

import "strings"

// Priority says which callers go first where several wait.
type Priority int

// The priorities. The zero Priority is interactive.
const (
	Interactive Priority = iota
	Batch
)

// Limits are what a caller may do. The zero Limits allow everything; a limit of 0 is none.
type Limits struct {
	Models            []string // patterns of names, in which * stands for any text; none: all models
	RequestsPerMinute int64
	TokensPerMinute   int64 // prompt and completion together
	TokensPerDay      int64 // a budget of a day in UTC
	TokensPerMonth    int64 // a budget of a month in UTC
	Streams           int64 // open at once
	Priority          Priority
}

// CountsTokens reports whether any of the limits is one of tokens.
func (l Limits) CountsTokens() bool {
	return l.TokensPerMinute > 0 || l.TokensPerDay > 0 || l.TokensPerMonth > 0
}

// allows reports whether the limits include a model.
func (l Limits) allows(model string) bool {
	if len(l.Models) == 0 {
		return true
	}
	for _, pattern := range l.Models {
		if Match(pattern, model) {
			return true
		}
	}
	return false
}

// Match reports whether a pattern matches a name: * stands for any text, slashes included, and
// every other character for itself.
func Match(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(name, part)
		if !found {
			return false
		}
		name = after
	}
	return strings.HasSuffix(name, last)
}
