package repo

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	commentColumns = 100 // a tab counts as four
	fileLines      = 350
)

// longFiles are tables of cases, which no split would make easier to read.
var longFiles = []string{
	"configs/load_test.go", "llm/upstream/harness_test.go", "outbound/internal/http1/http1_test.go",
}

func TestCommentWidthAndFileLength(t *testing.T) {
	files := goFiles(t)
	if len(files) < 100 {
		t.Fatalf("only %d Go files were found", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), "// Code generated") {
			continue
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if len(lines) > fileLines && !listed(longFiles, file) {
			t.Errorf("%s has %d lines, at most %d are allowed: split it", file, len(lines), fileLines)
		}
		for i, line := range lines {
			if strings.HasSuffix(file, "example_test.go") && strings.Contains(line, `{"`) {
				continue // an example's output
			}
			line = strings.ReplaceAll(line, "\t", "    ")
			if columns := len([]rune(line)); strings.HasPrefix(strings.TrimSpace(line), "//") && columns > commentColumns {
				t.Errorf("%s:%d: the comment has %d columns, at most %d are allowed", file, i+1, columns, commentColumns)
			}
		}
	}
}

// path is a file or folder of the repository, as the documents name it: `app/serve.go`, `web/`.
var path = regexp.MustCompile("`(\\.?[a-z][a-zA-Z0-9_.-]*(?:/[a-zA-Z0-9_.-]*)+)`|\\]\\(([a-zA-Z][^):#]*)\\)")

func TestDocumentsNameExistingFiles(t *testing.T) {
	for _, document := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, match := range path.FindAllStringSubmatch(string(text), -1) {
			name := match[1] + match[2]
			if strings.HasPrefix(name, ".penstock/") {
				continue // made by make setup
			}
			found++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
		if found == 0 {
			t.Errorf("no file was found in %s", document)
		}
	}
}

// shown is a test in a document, or the folder of the tests that follow it in its line.
var shown = regexp.MustCompile("`([a-z][a-z0-9_/]*)`|\\b((?:Test|Fuzz)[A-Z][a-zA-Z0-9_]*)")

func TestTheSecurityPageNamesExistingTests(t *testing.T) { namesTests(t, "docs/security.md", 50) }

func TestTheTrussPageNamesExistingTests(t *testing.T) { namesTests(t, "docs/truss.md", 14) }

// namesTests reports tests that a document names and that do not exist, or that it names too few.
func namesTests(t *testing.T, document string, least int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		var tests []byte
		for _, match := range shown.FindAllStringSubmatch(line, -1) {
			folder, test := match[1], match[2]
			if files, _ := filepath.Glob(filepath.Join(root, folder, "*_test.go")); folder != "" && len(files) > 0 {
				tests = nil
				for _, file := range files {
					content, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					tests = append(tests, content...)
				}
			}
			if test == "" {
				continue
			}
			found++
			if !strings.Contains(string(tests), "\nfunc "+test+"(") {
				t.Errorf("%s names %s, which is not in the folder before it", document, test)
			}
		}
	}
	if found < least {
		t.Errorf("only %d tests were found in %s", found, document)
	}
}

// goFiles returns the repository's Go files, without those in folders that begin with a dot.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && len(path) > 1 && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// listed reports whether a file is in a list of files, and folders that end in a slash.
func listed(list []string, file string) bool {
	for _, entry := range list {
		if file == entry || strings.HasSuffix(entry, "/") && strings.HasPrefix(file, entry) {
			return true
		}
	}
	return false
}
