package configs

import (
	"errors"
	"strings"
	"unicode"
)

// SecretText is a Secret that may also have spaces in it and other characters than ASCII's, such as
// the value of a header.
type SecretText struct{ Secret }

// UnmarshalText parses a text of one line.
func (s *SecretText) UnmarshalText(text []byte) error {
	value := string(text)
	if strings.TrimSpace(value) != value || value == "" || strings.ContainsFunc(value, unicode.IsControl) {
		return errors.New("must be some text without line breaks, and without spaces at its ends")
	}
	s.value = value
	return nil
}

// isSecret reports whether messages must not show a value.
func isSecret(v any) bool {
	switch v.(type) {
	case Secret, SecretText:
		return true
	}
	return false
}
