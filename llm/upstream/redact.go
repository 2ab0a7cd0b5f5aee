package upstream

import (
	"slices"
	"strconv"

	"penstock/failover"
)

// minSecret is how many bytes a key has at least. What is shorter is a dummy, as servers without
// keys are given: it is no secret, and may be a word of any text.
const minSecret = 8

// redact removes a key from what a server has sent, also where it is written with JSON's escapes.
func redact(text []byte, key string) []byte {
	if len(key) < minSecret {
		return text
	}
	var out []byte // nil as long as nothing was removed
	copied := 0
	for at := 0; at < len(text); at++ {
		if text[at] != key[0] && text[at] != '\\' {
			continue
		}
		if n := spellingOf(text[at:], key); n > 0 {
			out = append(append(out, text[copied:at]...), "[key]"...)
			copied = at + n
			at = copied - 1
		}
	}
	if out == nil {
		return text
	}
	return append(out, text[copied:]...)
}

// spellingOf returns how many bytes at the beginning of a text are the key; 0 if they are not.
func spellingOf(text []byte, key string) (n int) {
	for _, c := range []byte(key) {
		rest := text[n:]
		switch {
		case len(rest) > 0 && rest[0] == c:
			n++
		case len(rest) > 1 && rest[0] == '\\' && rest[1] == c && (c == '/' || c == '"'):
			n += 2
		case len(rest) > 5 && rest[0] == '\\' && rest[1] == 'u' && escaped(rest[2:6]) == uint64(c):
			n += 6
		default:
			return 0
		}
	}
	return n
}

// escaped returns the character of the digits of an escape.
func escaped(digits []byte) uint64 {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // 0, which is in no key, if they are not digits
	return n
}

func redactText(text, key string) string { return string(redact([]byte(text), key)) }

// redactAll returns the values of a header without the key.
func redactAll(values []string, key string) []string {
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = redactText(v, key)
	}
	return values
}

// redactFailure removes a key from all that a failure shows to clients and to the log. A response
// that the client gets as it is has been redacted before.
func redactFailure(f *failover.Failure, key string) {
	f.Err.Message = redactText(f.Err.Message, key)
	if f.Err.Cause == nil {
		return
	}
	text := f.Err.Cause.Error()
	if without := redactText(text, key); without != text {
		f.Err.Cause = &redactedError{f.Err.Cause, without}
	}
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
