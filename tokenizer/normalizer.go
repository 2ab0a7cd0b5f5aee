package tokenizer

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
	"golang.org/x/text/unicode/norm"
)

// rewrite is a normalizer: it changes the text before it is split. Its error is nil or ErrTooSlow,
// at the deadline.
type rewrite func(p piece, deadline time.Time) (piece, error)

// quick makes a rewrite of one that takes time in proportion to the text.
func quick(change func(text string) string) rewrite {
	return func(p piece, _ time.Time) (piece, error) { return piece{change(p.text), p.first}, nil }
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
	return strings.Map(unicode.ToLower, strings.ReplaceAll(text, "İ", "i̇"))
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
	oneCharacter := utf8.RuneCountInString(old) == 1
	return func(p piece, _ time.Time) (piece, error) {
		first := p.first && (content != "" && oneCharacter || !strings.HasPrefix(p.text, old))
		return piece{strings.ReplaceAll(p.text, old, content), first}, nil
	}
}

func replaceAll(re *regexp2.Regexp, p piece, content string, deadline time.Time) (piece, error) {
	var b strings.Builder
	done, first := 0, p.first
	err := matches(re, p.text, deadline, func(start, end int) {
		if start == 0 { // the library takes the content as coming from the last character replaced
			_, size := utf8.DecodeRuneInString(p.text)
			first = p.first && content != "" && end == size
		}
		b.WriteString(p.text[done:start])
		b.WriteString(content)
		done = end
	})
	b.WriteString(p.text[done:])
	return piece{b.String(), first}, err
}
