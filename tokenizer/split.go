package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// behavior is what a split does with the text that its pattern matches.
type behavior string

const (
	removed            behavior = "Removed"
	isolated           behavior = "Isolated"           // each match is a piece
	contiguous         behavior = "Contiguous"         // adjacent matches are one piece
	mergedWithPrevious behavior = "MergedWithPrevious" // a match ends the piece before it
	mergedWithNext     behavior = "MergedWithNext"     // a match begins the piece after it
)

func newBehavior(name string) (behavior, error) {
	switch b := behavior(name); b {
	case removed, isolated, contiguous, mergedWithPrevious, mergedWithNext:
		return b, nil
	}
	return "", fmt.Errorf("behavior %q is not supported", name)
}

// cut makes pieces of matches and of the text between them.
type cut struct {
	behavior   behavior
	piece      piece
	emit       func(piece)
	start, end int // of the piece that may still grow
	matched    bool
}

func (c *cut) flush() {
	if c.start < c.end {
		c.emit(c.piece.part(c.start, c.end))
	}
	c.start = c.end
}

// add takes the next bytes of the text, up to end. They are a match or lie between two.
func (c *cut) add(end int, match bool) {
	switch after := c.matched; c.behavior {
	case contiguous:
		if match != after {
			c.flush()
		}
	case mergedWithPrevious:
		if !match || after {
			c.flush()
		}
	case mergedWithNext: // of several matches only the last one is merged
		if match || !after {
			c.flush()
		}
	default:
		c.flush()
	}
	c.end, c.matched = end, match
	if match && c.behavior == removed {
		c.start = end
	}
}

// splitRunes splits at the characters that match.
func splitRunes(match func(rune) bool, b behavior) splitter {
	return func(p piece, _ time.Time, emit func(piece)) error {
		c, done := cut{behavior: b, piece: p, emit: emit}, 0
		for at, r := range p.text {
			if match(r) {
				if done < at {
					c.add(at, false)
				}
				done = at + utf8.RuneLen(r)
				c.add(done, true)
			}
		}
		if done < len(p.text) {
			c.add(len(p.text), false)
		}
		c.flush()
		return nil
	}
}

// newPatternSplitter splits by a string or a regular expression.
func newPatternSplitter(c *component) (splitter, error) {
	b, err := newBehavior(c.Behavior)
	if err != nil {
		return nil, fmt.Errorf("its Split: %w", err)
	}
	switch {
	case c.Pattern.String != nil && *c.Pattern.String != "":
		return splitStrings(*c.Pattern.String, b, c.Invert), nil
	case c.Pattern.Regex != nil:
		re, err := compile(*c.Pattern.Regex)
		if err != nil {
			return nil, fmt.Errorf("its Split: %w", err)
		}
		return splitMatches(re, b, c.Invert), nil
	}
	return nil, errors.New("a Split without a pattern")
}

// splitMatches splits at the matches of re; if invert is set, at the text between them.
func splitMatches(re *regexp2.Regexp, b behavior, invert bool) splitter {
	return func(p piece, deadline time.Time, emit func(piece)) error {
		c, done := cut{behavior: b, piece: p, emit: emit}, 0
		err := matches(re, p.text, deadline, func(start, end int) {
			if done < start {
				c.add(start, invert)
			}
			c.add(end, !invert)
			done = end
		})
		if done < len(p.text) {
			c.add(len(p.text), invert)
		}
		c.flush()
		return err
	}
}

func splitStrings(s string, b behavior, invert bool) splitter {
	return func(p piece, _ time.Time, emit func(piece)) error {
		c, done := cut{behavior: b, piece: p, emit: emit}, 0
		for {
			i := strings.Index(p.text[done:], s)
			if i < 0 {
				break
			}
			if i > 0 {
				c.add(done+i, invert)
			}
			done += i + len(s)
			c.add(done, !invert)
		}
		if done < len(p.text) {
			c.add(len(p.text), invert)
		}
		c.flush()
		return nil
	}
}
