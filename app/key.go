package app

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"penstock/auth"
)

type keyCommand struct {
	New newKeyCommand `cmd:"" help:"Make a key, and print it once with its entry for the configuration."`
}

type newKeyCommand struct {
	Name string `arg:"" help:"The key's name, in logs and limits."`
}

// Run prints a new key. Only its digest is for the configuration: the key itself is kept nowhere.
func (c newKeyCommand) Run(stdout io.Writer) error {
	isText := utf8.ValidString(c.Name) && !strings.ContainsFunc(c.Name, unicode.IsControl)
	if strings.TrimSpace(c.Name) == "" || len(c.Name) > 100 || !isText {
		return errors.New("a key's name must be some UTF-8 text in one line, of 100 bytes at most")
	}
	key := auth.NewKey()
	_, err := fmt.Fprintf(stdout, `The key, which is shown only now:

  %s

Its entry under auth.keys, or in the keys file:

  - name: %s
    sha256: "%x"
`, key, yamlText(c.Name), auth.Digest(key))
	return err
}

// yamlText quotes a text for YAML.
func yamlText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
