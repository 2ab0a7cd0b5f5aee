//go:build unix

package kinds_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"penstock/configs"
	"penstock/kinds"
)

func TestKeysOfUpstreamsInFiles(t *testing.T) {
	const secret = "sk-0123456789"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"plain": secret, "newline": secret + "\n", "windows": secret + "\r\n", "largest": strings.Repeat("k", 64<<10),
		"empty": "", "blank": "\n", "two": secret + "\n\n", "spaced": " " + secret, "large": strings.Repeat("k", 64<<10+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700)); err != nil {
		t.Fatal(err)
	}
	options := configs.Options{}
	for _, kind := range kinds.All() {
		options.Kinds = append(options.Kinds, kind.Kind)
	}
	const visible = "must be visible ASCII characters without spaces or line breaks"
	for keys, want := range map[string]string{
		"api_key_file: plain": "", "api_key_file: newline": "", "api_key_file: windows": "", "api_key_file: largest": "", "api_key: " + secret: "",
		"api_key_file: none":                        "stat DIR/none: no such file or directory",
		"api_key_file: empty":                       "DIR/empty: it is empty",
		"api_key_file: blank":                       "DIR/blank: it is empty",
		"api_key_file: two":                         "DIR/two: the key in it " + visible,
		"api_key_file: spaced":                      "DIR/spaced: the key in it " + visible,
		"api_key_file: large":                       "DIR/large: it has more than 65536 bytes: it must hold the key and nothing else",
		"api_key_file: fifo":                        "open DIR/fifo: is a named pipe, not a regular file",
		"api_key_file: folder":                      "open DIR/folder: is a directory",
		"api_key_file: /dev/zero":                   "open /dev/zero: is a device, not a regular file",
		"api_key_file: plain, api_key: " + secret:   "stands beside api_key: leave one of them out",
		"api_key_file: missing, api_key: " + secret: "stands beside api_key: leave one of them out",
	} {
		text := "models:\n  - name: gpt\n    kind: openai\n    upstreams:\n      - {base_url: \"http://127.0.0.1/v1\", " + keys + "}\n"
		config, err := configs.Load(configs.Source{Name: "p.yaml", Dir: dir, Text: []byte(text)}, options)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", keys, err)
			}
			continue
		}
		if !strings.HasPrefix(want, "stands") {
			want = "cannot be used: " + want
		}
		if got := fmt.Sprint(err); got != "p.yaml:5:57: models[0].upstreams[0].api_key_file "+strings.Replace(want, "DIR", dir, 1) {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", config, config, err), secret) {
			t.Errorf("%s: the key is shown: %+v %v", keys, config, err)
		}
	}
}
