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
type rewrite func(p piece, deadline time.Time) (piece, error)

// quick makes a rewrite of one that takes time in proportion to the text.
func quick(change func(text string) string) rewrite {
	return func(p piece, _ time.Time) (piece, error) { return p.changed(change), nil }
}

func newNormalizer(c *component) (rewrite, error) {
	if c == nil {
		return quick(func(text string) string { return text }), nil
	}
	switch c.Type {
	case "Sequence":
		return newNormalizers(c.Normalizers)
	case "NFC":
		return quick(normalForm(norm.NFC)), nil
	case "NFD":
		return quick(normalForm(norm.NFD)), nil
	case "NFKC":
		return quick(normalForm(norm.NFKC)), nil
	case "NFKD":
		return quick(normalForm(norm.NFKD)), nil
	case "Lowercase":
		return quick(lower), nil
	case "Precompiled":
		return newPrecompiled(c)
	case "BertNormalizer":
		return newBertNormalizer(c), nil
	case "StripAccents":
		return eachRune(withoutMarks), nil
	case "Nmt":
		return eachRune(forTranslation), nil
	case "Strip":
		return strip(c.StripLeft, c.StripRight), nil
	case "Prepend":
		return func(p piece, _ time.Time) (piece, error) {
			if p.text == "" {
				return p, nil
			}
			return p.after(c.Prepend), nil
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
	return inOrder(rewrites...), nil
}

func inOrder(rewrites ...rewrite) rewrite {
	return func(p piece, deadline time.Time) (_ piece, err error) {
		for _, r := range rewrites {
			if p, err = r(p, deadline); err != nil {
				return piece{}, err
			}
		}
		return p, nil
	}
}

// lower converts each character to lower case on its own, by Unicode's simple mappings and its one
// unconditional special case (İ), whose dot Go's table drops.
func lower(text string) string {
	return strings.Map(toLower, strings.ReplaceAll(text, "İ", "i̇"))
}

// toLower knows letters of Unicode 16 and 17, which Go's tables lack.
func toLower(r rune) rune {
	switch {
	case r < 0x1C89:
		return unicode.ToLower(r)
	case r == 0xA7CB:
		return 0x264
	case r == 0xA7DC:
		return 0x19B
	case r == 0x1C89, r == 0xA7CC, r == 0xA7CE, r == 0xA7D2, r == 0xA7D4, r == 0xA7DA:
		return r + 1
	case r >= 0x10D50 && r <= 0x10D65:
		return r + 0x20
	case r >= 0x16EA0 && r <= 0x16EB8:
		return r + 0x1B
	}
	return unicode.ToLower(r)
}

func newReplace(p pattern, content string) (rewrite, error) {
	switch {
	case p.String != nil && *p.String != "":
		return replaceString(*p.String, content), nil
	case p.Regex != nil:
		re, err := compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("its Replace: %w", err)
		}
		return func(p piece, deadline time.Time) (piece, error) {
			return replaceAll(re, p, content, deadline)
		}, nil
	}
	return nil, fmt.Errorf("a Replace without a pattern")
}

func replaceString(old, content string) rewrite {
	replace := quick(func(text string) string { return strings.ReplaceAll(text, old, content) })
	return func(p piece, deadline time.Time) (piece, error) {
		if p.first > 0 && p.first < len(old) && strings.HasPrefix(p.text, old) {
			p.first = 0 // its last character is not the first one
		}
		return replace(p, deadline)
	}
}

func replaceAll(re *regexp2.Regexp, p piece, content string, deadline time.Time) (piece, error) {
	var b strings.Builder
	done, first := 0, p.first
	err := matches(re, p.text, deadline, func(start, end int) {
		switch { // the library takes the content as coming from the last character replaced
		case end <= p.first:
			first += len(content) - (end - start)
		case start < p.first:
			first -= p.first - start
		}
		b.WriteString(p.text[done:start])
		b.WriteString(content)
		done = end
	})
	b.WriteString(p.text[done:])
	return piece{b.String(), first}, err
}
