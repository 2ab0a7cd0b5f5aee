package outbound

import (
	"strings"
	"testing"
)

func TestKeysAreRemovedAndDummiesAreNot(t *testing.T) {
	for key, want := range map[string]string{
		"":         `the model "none" is not there`,
		"none":     `the model "none" is not there`,
		"sk-1234":  `the model "none" is not there`,
		"the mode": `[key]l "none" is not there`,
	} {
		if got := (Secrets{}).With(key).Text(`the model "none" is not there`); got != want {
			t.Errorf("key %q: %s", key, got)
		}
	}
}

func TestSecretsAreRemovedHoweverTheyAreWritten(t *testing.T) {
	const text = "a secret"
	for _, c := range []struct{ secrets, in, want string }{
		{text, "(a secret)", "([key])"},
		{text, "(a%20secret)(a+secret)(a%20s%65cre%74)", "([key])([key])([key])"},
		{text, `(a\u0020secret)(a\u0020%73ecret)`, "([key])([key])"},
		{"key/with\"both", `key\/with\"both key%2Fwith%22both key%2fwith%22both`, "[key] [key] [key]"},
		{`back\slash\`, `back\slash\ back\\slash\\ back%5Cslash%5c`, "[key] [key] [key]"},
		{"100%25 sure", "100%25 sure 100%2525%20sure 100%2525+sure", "[key] [key] [key]"},
		{"a+b=c&d e", "a%2Bb%3Dc%26d+e", "[key]"},
		{"schl\u00fcssel", `schl%C3%BCssel schl\u00fcssel ` + "schl\u00fcssel", "[key] [key] [key]"},
		{"abcdefgh|defghijkl", "xabcdefghijkly", "x[key]y"},
		{"abcdefgh|abcdefghijkl", "abcdefghijkl abcdefghi", "[key] [key]i"},
		{"abcdefgh|ijklmnop", "abcdefghijklmnop", "[key][key]"},
		{text, "a%20secre a%2", "a%20secre a%2"},
		{text, "a%20secre%", "a%20secre%"},
		{"short|application/json", "short application/json", "short application/json"},
	} {
		if got := Secrets(strings.Split(c.secrets, "|")).Text(c.in); got != c.want {
			t.Errorf("%s in %s: %s", c.secrets, c.in, got)
		}
	}
}
