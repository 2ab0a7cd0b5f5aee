package tokenizer

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dlclark/regexp2/v2"
	"golang.org/x/text/unicode/norm"
)

// rewrite is a normalizer: it changes the text before it is split. Its error is nil or ErrTooSlow,
// at the deadline.
type rewrite func(text string, deadline time.Time) (string, error)

// quick makes a rewrite of one that takes time in proportion to the text.
func quick(change func(text string) string) rewrite {
	return func(text string, _ time.Time) (string, error) { return change(text), nil }
}

func newNormalizer(c *component) (rewrite, error) {
	if c == nil {
		return quick(func(text string) string { return text }), nil
	}
	switch c.Type {
	case "Sequence":
		return newNormalizers(c.Normalizers)
	case "NFC":
		return quick(norm.NFC.String), nil
	case "NFD":
		return quick(norm.NFD.String), nil
	case "NFKC":
		return quick(norm.NFKC.String), nil
	case "NFKD":
		return quick(norm.NFKD.String), nil
	case "Lowercase":
		return quick(lower), nil
	case "Prepend":
		return quick(func(text string) string {
			if text == "" {
				return ""
			}
			return c.Prepend + text
		}), nil
	case "Replace":
		return newReplace(c.Pattern, c.Content)
	}
	return nil, unknown(c.Type)
}

// unknown returns the error for a step of an unknown type.
func unknown(kind string) error { return fmt.Errorf("type %q is not supported", kind) }

func newNormalizers(steps []*component) (rewrite, error) {
	rewrites := make([]rewrite, len(steps))
	for i, step := range steps {
		var err error
		if rewrites[i], err = newNormalizer(step); err != nil {
			return nil, err
		}
	}
	return func(text string, deadline time.Time) (_ string, err error) {
		for _, r := range rewrites {
			if text, err = r(text, deadline); err != nil {
				return "", err
			}
		}
		return text, nil
	}, nil
}

// lower converts each character to lower case on its own, by Unicode's simple mappings and its one
// unconditional special case (İ), whose dot Go's table drops.
func lower(text string) string {
	return strings.Map(unicode.ToLower, strings.ReplaceAll(text, "İ", "i̇"))
}

func newReplace(p pattern, content string) (rewrite, error) {
	switch {
	case p.String != nil && *p.String != "":
		return quick(func(text string) string { return strings.ReplaceAll(text, *p.String, content) }), nil
	case p.Regex != nil:
		re, err := compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("its Replace: %w", err)
		}
		return func(text string, deadline time.Time) (string, error) {
			return replaceAll(re, text, content, deadline)
		}, nil
	}
	return nil, fmt.Errorf("a Replace without a pattern")
}

func replaceAll(re *regexp2.Regexp, text, content string, deadline time.Time) (string, error) {
	var b strings.Builder
	done := 0
	err := matches(re, text, deadline, func(start, end int) {
		b.WriteString(text[done:start])
		b.WriteString(content)
		done = end
	})
	b.WriteString(text[done:])
	return b.String(), err
}
