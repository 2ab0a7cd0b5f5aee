package configs

import (
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
)

// Name is a model's name: letters, digits and ._-: in parts separated by single slashes, such as
// openai/clip-vit-base-patch32 or llama3.2:1b. With one * it is a pattern of names: openrouter/*.
type Name string

// modelName has no names that would mean something else in a URL's path: no part begins with a dot.
var modelName = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9._:*-]*(/[A-Za-z0-9*][A-Za-z0-9._:*-]*)*$`)

// IsPattern reports whether the name is a pattern, in which * stands for any text.
func (n Name) IsPattern() bool { return strings.Contains(string(n), "*") }

// UnmarshalText parses a name.
func (n *Name) UnmarshalText(text []byte) error {
	name := string(text)
	if len(name) > 200 || !modelName.MatchString(name) {
		return errors.New(`must be letters, digits, ".", "_", "-" and ":" in parts parted by "/", ` +
			`each beginning with a letter or a digit, 200 characters at most`)
	}
	if stars := strings.Count(name, "*"); stars > 1 || stars == 1 && name[0] == '*' && name != "*" {
		return errors.New("must have one * at most, at its end or in its middle")
	}
	for _, verb := range []string{":predict", "/predict", ":stream", "/stream", ":rank", "/rank"} {
		if strings.HasSuffix(name, verb) {
			return errors.New("must not end in :predict, /predict, :stream, /stream, :rank or /rank, " +
				"which are verbs of the model named before them")
		}
	}
	*n = Name(name)
	return nil
}

// Pattern is a model's name, or a pattern of names in which * stands for any text, slashes
// included.
type Pattern string

var modelPattern = regexp.MustCompile(`^[A-Za-z0-9._:@+~*/-]{1,200}$`)

// UnmarshalText parses a pattern.
func (p *Pattern) UnmarshalText(text []byte) error {
	if !modelPattern.Match(text) {
		return errors.New("must be a model's name, in which * stands for any text")
	}
	*p = Pattern(text)
	return nil
}

// Matches reports whether the pattern matches a name, or one of the names that a name matches which
// is a pattern itself.
func (p Pattern) Matches(name string) bool { return overlap(string(p), name) }

// Template turns a label into a caption: it has {} once, in place of the label.
type Template string

// UnmarshalText parses a template.
func (t *Template) UnmarshalText(text []byte) error {
	if strings.Count(string(text), "{}") != 1 {
		return errors.New(`must contain {} once, where the label goes, such as "a photo of a {}"`)
	}
	*t = Template(text)
	return nil
}

// Path is a file or folder: absolute, or relative to the working directory. What an empty path
// means depends on the key.
type Path string

// UnmarshalText parses a path as it is in the file, still relative to that file.
func (p *Path) UnmarshalText(text []byte) error {
	if len(text) == 0 || strings.ContainsRune(string(text), 0) {
		return errors.New("must be a path")
	}
	*p = Path(text)
	return nil
}

// AuthMode is how requests are authorized without keys.
type AuthMode string

// AuthNone allows every request.
const AuthNone AuthMode = "none"

// UnmarshalText parses an authentication mode.
func (m *AuthMode) UnmarshalText(text []byte) error {
	*m = AuthMode(text)
	return OneOf(string(text), string(AuthNone))
}

// LogLevel is the least severe level that is logged.
type LogLevel string

// UnmarshalText parses a level.
func (l *LogLevel) UnmarshalText(text []byte) error {
	*l = LogLevel(text)
	return OneOf(string(text), "debug", "info", "warn", "error")
}

// LogFormat is how log lines are written.
type LogFormat string

// UnmarshalText parses a format.
func (f *LogFormat) UnmarshalText(text []byte) error {
	*f = LogFormat(text)
	return OneOf(string(text), "text", "json")
}

// Priority says whose requests go first where several wait.
type Priority string

// The priorities.
const (
	PriorityInteractive Priority = "interactive"
	PriorityBatch       Priority = "batch"
)

// UnmarshalText parses a priority.
func (p *Priority) UnmarshalText(text []byte) error {
	*p = Priority(text)
	return OneOf(string(text), string(PriorityInteractive), string(PriorityBatch))
}

// SHA256 is the digest of an API key.
type SHA256 [32]byte

// UnmarshalText parses 64 hex digits.
func (s *SHA256) UnmarshalText(text []byte) error {
	digest, err := hex.DecodeString(string(text))
	if err != nil || len(digest) != len(s) {
		return errors.New("must be 64 hex digits, the SHA-256 of the key")
	}
	copy(s[:], digest)
	return nil
}

// Secret is a value that must not be shown: printing, logging and encoding it give six stars. The
// zero Secret is empty.
type Secret struct {
	value string
}

// UnmarshalText parses a secret that can be sent in an HTTP header.
func (s *Secret) UnmarshalText(text []byte) error {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return errors.New("must be visible ASCII characters without spaces or line breaks")
		}
	}
	s.value = string(text)
	return nil
}

// Reveal returns the secret itself, for the request that sends it.
func (s Secret) Reveal() string { return s.value }

// String returns stars, or "" for an empty secret.
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "******"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the secret from encoders and structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
