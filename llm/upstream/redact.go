package upstream

import (
	"slices"
	"strconv"
)

// redact takes a key out of what a server says, also where JSON's escapes spell it.
func redact(said []byte, key string) []byte {
	if key == "" {
		return said
	}
	var out []byte // nil as long as there was nothing to take out
	copied := 0
	for at := 0; at < len(said); at++ {
		if said[at] != key[0] && said[at] != '\\' {
			continue
		}
		if n := spells(said[at:], key); n > 0 {
			out = append(append(out, said[copied:at]...), "[key]"...)
			copied = at + n
			at = copied - 1
		}
	}
	if out == nil {
		return said
	}
	return append(out, said[copied:]...)
}

// spells returns how many bytes at the beginning of said spell the key; 0 if they do not.
func spells(said []byte, key string) (n int) {
	for _, c := range []byte(key) {
		rest := said[n:]
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

// escaped reads the digits of an escape.
func escaped(digits []byte) uint64 {
	n, _ := strconv.ParseUint(string(digits), 16, 16) // what is none is no character of a key
	return n
}

func redactText(said, key string) string { return string(redact([]byte(said), key)) }

// redactAll does it to the values of a header.
func redactAll(values []string, key string) []string {
	values = slices.Clone(values)
	for i, v := range values {
		values[i] = redactText(v, key)
	}
	return values
}

// hide takes a key out of all that a fault says to clients and to the log. An answer that the client gets as it came has
// been seen to.
func (f *fault) hide(key string) {
	f.err.Message = redactText(f.err.Message, key)
	if f.err.Cause == nil {
		return
	}
	words := f.err.Cause.Error()
	if without := redactText(words, key); without != words {
		f.err.Cause = &discreet{f.err.Cause, without}
	}
}

// discreet is an error in other words.
type discreet struct {
	error
	words string
}

// Error implements error.
func (d *discreet) Error() string { return d.words }

// Unwrap returns the error itself.
func (d *discreet) Unwrap() error { return d.error }
