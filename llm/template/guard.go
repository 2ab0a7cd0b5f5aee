package template

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forged special tokens are distinguished from the template's by a mark: a private-use character
// that occurs nowhere else in the conversation. Before rendering, it is inserted after the first
// character of anything in a message that looks like a special token. The template may then trim,
// cut and move contents: in the result every intact special token is the template's own, and every
// text that contains a mark is from a message.

// specials are special tokens by their first byte in lower case.
type specials map[byte][]string

func indexSpecials(tokens []string) specials {
	index := specials{}
	for _, t := range tokens {
		if utf8.RuneCountInString(t) > 1 { // a mark cannot split a single character
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

// at returns the longest special token that s starts with, or "".
func (sp specials) at(s string) (longest string) {
	for _, t := range sp[lower(s[0])] {
		if len(t) > len(longest) && strings.HasPrefix(s, t) {
			longest = t
		}
	}
	return longest
}

// matches reports whether s starts with a special token in any letter case (a template may change
// the case), or is the start of one (a template may append the rest).
func (sp specials) matches(s string) bool {
	for _, t := range sp[lower(s[0])] {
		n := min(len(t), len(s))
		if strings.EqualFold(s[:n], t[:n]) {
			return true
		}
	}
	return false
}

// guard marks the messages of one conversation.
type guard struct {
	specials specials
	text     string // the mark
}

var errNoMark = errors.New("the messages contain every private-use character, and the prompt needs one that they do not")

// guard chooses a mark that occurs neither in the template nor in the messages.
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

// mark returns s with a mark in every special token, and in the start of one at the end of s.
func (g guard) mark(s string) string {
	trimmed := len(strings.TrimRightFunc(s, unicode.IsSpace))
	var b strings.Builder
	done := 0
	for i := range s {
		if i >= trimmed || !g.specials.matches(s[i:trimmed]) {
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

// split removes the marks from a rendered prompt. A text between special tokens that has any
// becomes a Literal part.
func (g guard) split(prompt string) (parts []Part) {
	plain, text := 0, 0 // start of the current plain part and of the current text
	endText := func(end int) {
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
				endText(i)
				text = i + len(token)
				i = text - 1
			}
		}
		endText(len(prompt))
	}
	if plain < len(prompt) {
		parts = append(parts, Part{Text: prompt[plain:]})
	}
	return parts
}
