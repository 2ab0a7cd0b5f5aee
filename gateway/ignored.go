package gateway

import (
	"net/http"
	"strings"
)

// headerIgnored names the parameters of a request that its model worked without.
const headerIgnored = "X-Penstock-Ignored"

// maxIgnored is how many bytes of names the header has; "..." stands for further ones.
const maxIgnored = 1024

// setIgnored sets the header, unless there are no names. What is no part of a common name is
// replaced: the names are the client's own text.
func setIgnored(h http.Header, names []string) {
	if len(names) == 0 {
		return
	}
	var list strings.Builder
	for i, name := range names {
		if i > 0 {
			list.WriteString(", ")
		}
		if list.Len()+len(name) > maxIgnored {
			list.WriteString("...")
			break
		}
		list.WriteString(strings.Map(plainName, name))
	}
	h.Set(headerIgnored, list.String())
}

// plainName replaces what is neither a letter, a digit nor punctuation of a member's path.
func plainName(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("_-.[]$:/", r):
		return r
	}
	return '?'
}
