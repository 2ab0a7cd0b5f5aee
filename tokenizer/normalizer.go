package tokenizer

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2/v2"
	"golang.org/x/text/unicode/norm"
)

// rewrite is a normalizer: it changes the text before it is split.
type rewrite func(text string) string

func newNormalizer(c *component) (rewrite, error) {
	if c == nil {
		return func(text string) string { return text }, nil
	}
	switch c.Type {
	case "Sequence":
		return newNormalizers(c.Normalizers)
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return norm.NFD.String, nil
	case "NFKC":
		return norm.NFKC.String, nil
	case "NFKD":
		return norm.NFKD.String, nil
	case "Lowercase":
		return lower, nil
	case "Prepend":
		return func(text string) string {
			if text == "" {
				return ""
			}
			return c.Prepend + text
		}, nil
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
	return func(text string) string {
		for _, r := range rewrites {
			text = r(text)
		}
		return text
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
		return func(text string) string { return strings.ReplaceAll(text, *p.String, content) }, nil
	case p.Regex != nil:
		re, err := compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("its Replace: %w", err)
		}
		return func(text string) string { return replaceAll(re, text, content) }, nil
	}
	return nil, fmt.Errorf("a Replace without a pattern")
}

func replaceAll(re *regexp2.Regexp, text, content string) string {
	var b strings.Builder
	done := 0
	for start, end := range matches(re, text) {
		b.WriteString(text[done:start])
		b.WriteString(content)
		done = end
	}
	b.WriteString(text[done:])
	return b.String()
}
