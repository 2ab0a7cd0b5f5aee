package template

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How forged tokens are told from real ones: before rendering, a mark, a private-use character that occurs nowhere else in
// this conversation, is put behind the first character of whatever in a message reads like a special token. The template
// may then trim, cut and move contents as it likes: afterwards every special token found whole is the template's own, and
// every text with a mark in it is a message's.

// specials are special tokens by their first byte, letters in lower case.
type specials map[byte][]string

func indexSpecials(tokens []string) specials {
	index := specials{}
	for _, t := range tokens {
		if utf8.RuneCountInString(t) > 1 { // one character cannot be broken in two
			index[lower(t[0])] = append(index[lower(t[0])], t)
		}
	}
	return index
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// at returns the longest special token that s begins with; "" if none.
func (sp specials) at(s string) (longest string) {
	for _, t := range sp[lower(s[0])] {
		if len(t) > len(longest) && strings.HasPrefix(s, t) {
			longest = t
		}
	}
	return longest
}

// threatens reports whether s begins like a special token in any case (a template may change it), or is the beginning
// of one (a template may put something behind it).
func (sp specials) threatens(s string) bool {
	for _, t := range sp[lower(s[0])] {
		n := min(len(t), len(s))
		if strings.EqualFold(s[:n], t[:n]) {
			return true
		}
	}
	return false
}

// guard marks one conversation.
type guard struct {
	specials specials
	text     string // the mark
}

var errNoMark = errors.New("the messages use up every private-use character, which the prompt needs one of")

// guard chooses a mark that neither the template nor the messages hold.
func (sp specials) guard(source string, messages []Message) (guard, error) {
	const first, last = 0xF0000, 0xFFFFD // Supplementary Private Use Area-A
	taken := map[rune]bool{}
	note := func(s string) {
		for _, r := range s {
			if r >= first && r <= last {
				taken[r] = true
			}
		}
	}
	note(source)
	for _, m := range messages {
		note(m.Role)
		note(m.Content)
		note(m.Name)
	}
	for r := rune(first); r <= last; r++ {
		if !taken[r] {
			return guard{specials: sp, text: string(r)}, nil
		}
	}
	return guard{}, errNoMark
}

// mark returns s with every special token in it, or beginning of one at its end, broken by a mark.
func (g guard) mark(s string) string {
	trimmed := len(strings.TrimRightFunc(s, unicode.IsSpace))
	var b strings.Builder
	done := 0
	for i := range s {
		if i >= trimmed || !g.specials.threatens(s[i:trimmed]) {
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[done : i+size])
		b.WriteString(g.text)
		done = i + size
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// split takes the marks out of a rendered prompt. The texts between special tokens that had any become Literal parts.
func (g guard) split(prompt string) (parts []Part) {
	plain, text := 0, 0 // where the part and the text that are being read began
	ended := func(end int) {
		if !strings.Contains(prompt[text:end], g.text) {
			return
		}
		if text > plain {
			parts = append(parts, Part{Text: prompt[plain:text]})
		}
		parts = append(parts, Part{Text: strings.ReplaceAll(prompt[text:end], g.text, ""), Literal: true})
		plain = end
	}
	if strings.Contains(prompt, g.text) {
		for i := 0; i < len(prompt); i++ {
			if token := g.specials.at(prompt[i:]); token != "" {
				ended(i)
				text = i + len(token)
				i = text - 1
			}
		}
		ended(len(prompt))
	}
	if plain < len(prompt) {
		parts = append(parts, Part{Text: prompt[plain:]})
	}
	return parts
}
