package outbound

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Secrets are texts that no client and no log may be shown: keys, and the values of a Config's
// headers and query.
type Secrets []string

// minSecret is how many bytes a secret has at least. What is shorter is a dummy, as servers without
// keys are given, or a setting: it is no secret, and may be a word of any text.
const minSecret = 8

// isPublic reports whether a text is no secret, whatever it is the value of.
func isPublic(text string) bool {
	return len(text) < minSecret || text == "application/json" || text == "text/event-stream" || text == "text/plain"
}

// With returns the secrets and one more, which may be empty.
func (s Secrets) With(secret string) Secrets {
	if secret == "" {
		return s
	}
	return append(slices.Clip(s), secret)
}

// Redact removes the secrets from what a server has sent, also where they are written with JSON's
// escapes or percent-encoded. It returns the text itself if there are none in it.
func (s Secrets) Redact(text []byte) []byte {
	var begins [256]bool // which bytes a secret may begin with
	for _, secret := range s {
		if !isPublic(secret) {
			begins[secret[0]], begins['\\'], begins['%'] = true, true, true
			begins['+'] = begins['+'] || secret[0] == ' '
		}
	}
	var out []byte // nil as long as nothing was removed
	end := 0       // of what is to be removed; what is before it has been copied
	for at := 0; at < len(text); at++ {
		if !begins[text[at]] {
			continue
		}
		n := s.spelled(text[at:])
		if n == 0 || at+n <= end {
			continue
		}
		if at >= end { // else it overlaps the one before
			out = append(append(out, text[end:at]...), "[key]"...)
		}
		end = at + n
	}
	if out == nil {
		return text
	}
	return append(out, text[end:]...)
}

// spelled returns the length of the longest secret that a text begins with, as it is written there.
func (s Secrets) spelled(text []byte) (longest int) {
	for _, secret := range s {
		if isPublic(secret) {
			continue
		}
		longest = max(longest, spellingOf(text, secret, false), spellingOf(text, secret, true))
	}
	return longest
}

// spellingOf returns how many bytes at the beginning of a text are the secret; 0 if they are not.
// escapes is whether \ and % begin an escape where they may also be characters of the secret.
func spellingOf(text []byte, secret string, escapes bool) (n int) {
	for i, r := range secret {
		size := utf8.RuneLen(r)
		if size < 0 || r == utf8.RuneError {
			return 0 // a text in no Unicode, which a configuration cannot hold
		}
		rest := text[n:]
		plain := secret[i : i+size]
		escape := escapeOf(rest, r, plain)
		switch {
		case escape > 0 && (escapes || !bytes.HasPrefix(rest, []byte(plain))):
			n += escape
		case bytes.HasPrefix(rest, []byte(plain)):
			n += size
		default:
			return 0
		}
	}
	return n
}

// escapeOf returns the length of the escape of a character that a text begins with, 0 if it begins
// with none.
func escapeOf(text []byte, r rune, plain string) int {
	switch {
	case len(text) > 1 && text[0] == '\\' && text[1] == plain[0] && strings.ContainsRune(`/"\`, r):
		return 2
	case len(text) > 5 && text[0] == '\\' && text[1] == 'u' && hex(text[2:6]) == uint64(r):
		return 6
	case len(text) > 0 && text[0] == '+' && r == ' ':
		return 1
	}
	for i := range len(plain) {
		at := 3 * i
		if len(text) < at+3 || text[at] != '%' || hex(text[at+1:at+3]) != uint64(plain[i]) {
			return 0
		}
	}
	return 3 * len(plain)
}

// hex returns the number of some digits.
func hex(digits []byte) uint64 {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // 0, which is in no secret, if they are not digits
	return n
}

// Text is Redact for a string.
func (s Secrets) Text(text string) string { return string(s.Redact([]byte(text))) }

// Values returns the values of a header without the secrets.
func (s Secrets) Values(values []string) []string {
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = s.Text(v)
	}
	return values
}

// Error returns an error whose text is err's without the secrets: err itself if there are none in
// it.
func (s Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if without := s.Text(text); without != text {
		return &redactedError{err, without}
	}
	return err
}

// redactedError is an error with another text.
type redactedError struct {
	error
	text string
}

// Error implements error.
func (r *redactedError) Error() string { return r.text }

// Unwrap returns the error itself.
func (r *redactedError) Unwrap() error { return r.error }
