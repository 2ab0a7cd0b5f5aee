package tokenizer

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// metaspace is what the pre-tokenizer and the decoder of that name have in common: SentencePiece's
// way to write spaces.
type metaspace struct {
	space string // ▁
	at    string // where a space is put before a text: "always", "first" or "never"
}

func readMetaspace(c *component) (metaspace, error) {
	m := metaspace{space: c.Replacement, at: cmp.Or(c.PrependScheme, "always")}
	if utf8.RuneCountInString(m.space) != 1 {
		return m, fmt.Errorf("a Metaspace with replacement %q, which is not one character", m.space)
	}
	if c.AddPrefixSpace != nil && !*c.AddPrefixSpace { // the library's first versions
		if c.PrependScheme != "" && c.PrependScheme != "never" {
			return m, fmt.Errorf("a Metaspace with add_prefix_space false and prepend_scheme %q", c.PrependScheme)
		}
		m.at = "never"
	}
	switch m.at {
	case "always", "first", "never":
		return m, nil
	}
	return m, fmt.Errorf("a Metaspace with prepend_scheme %q is not supported", m.at)
}

func newMetaspace(c *component) (splitter, error) {
	m, err := readMetaspace(c)
	if err != nil {
		return nil, err
	}
	split := splitter(whole)
	if c.Split == nil || *c.Split {
		split = splitStrings(m.space, mergedWithNext, false)
	}
	return func(p piece, deadline time.Time, emit func(piece)) error {
		p = p.changed(func(text string) string { return strings.ReplaceAll(text, " ", m.space) })
		if (m.at == "always" || m.at == "first" && p.first > 0) && !strings.HasPrefix(p.text, m.space) {
			p = p.after(m.space)
		}
		return split(p, deadline, emit)
	}, nil
}

// decode writes spaces. The first token's are removed, unless none were put before the text.
func (m metaspace) decode(token string, first bool) string {
	if first && m.at != "never" {
		return strings.ReplaceAll(token, m.space, "")
	}
	return strings.ReplaceAll(token, m.space, " ")
}
