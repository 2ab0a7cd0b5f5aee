package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := fs.ReadFile(Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEveryFileThePageNamesIsThere(t *testing.T) {
	named := regexp.MustCompile(`(?:src|href)="([^"/]+\.\w+)"|(?:from|fetch\() ?"(?:\./)?([^"/]+\.\w+)"`)
	for _, name := range []string{"index.html", "app.js", "chat.js", "gate.js", "key.js", "models.js", "picture.js", "snippets.js", "stream.js", "views.js"} {
		for _, match := range named.FindAllStringSubmatch(read(t, name), -1) {
			if file := match[1] + match[2]; read(t, file) == "" {
				t.Errorf("%s names %s, which is empty", name, file)
			}
		}
	}
}

// A strict Content-Security-Policy would break the page where one of these stood in it.
func TestThePageHasNothingInlineAndNothingFromElsewhere(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"an inline script":  regexp.MustCompile(`<script(?:\s+type="module")?>`),
		"an inline style":   regexp.MustCompile(`<style|\sstyle=`),
		"an inline handler": regexp.MustCompile(`\son[a-z]+="`),
		"code out of text":  regexp.MustCompile(`\beval\(|new Function|innerHTML`),
		"something to load from elsewhere": regexp.MustCompile(
			`(?:src|href)="(?:\w+:)?//|url\(|@import|fetch\(["'` + "`" + `]\w+:|from "\w+:`),
	}
	err := fs.WalkDir(Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, ".jpg") {
			return err
		}
		content := read(t, name)
		for what, pattern := range forbidden {
			if found := pattern.FindString(content); found != "" {
				t.Errorf("%s has %s: %q", name, what, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
