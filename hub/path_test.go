package hub

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestIDs(t *testing.T) {
	for _, good := range []string{"gpt2", "openai/clip-vit-base-patch32", "a/b", "_x/y_", "Qwen/Qwen2.5-0.5B-Instruct", "1/2"} {
		if err := CheckID(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "/", "a/", "/a", "a/b/c", "..", "a/..", "../a", "a..b", "a--b", "a b", "a/b?x", "a%2fb", ".a", "a.", "-a", "a-", "a.git", "é/b", "a\n", "a/b\n",
		"https://huggingface.co/a/b", strings.Repeat("a", 97), "a\\b", "a:b",
	} {
		if CheckID(bad) == nil {
			t.Errorf("%q is accepted as an id", bad)
		}
	}
	for _, bad := range []string{"", ".", "/", "a/../b", "/a", "a\x00b", "a\nb", strings.Repeat("a", 256)} {
		if bad != "." && CheckRevision(bad) == nil {
			t.Errorf("%q is accepted as a revision", bad)
		}
	}
}

// FuzzPath checks that every path that is accepted is inside the folder under its own name, can be
// created there, and can be printed on a terminal.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"config.json", "onnx/model.onnx", "onnx/model.onnx_data", "a b/ü#?%.json", "..", ".", "", "/", "../x", "a/../../x", "a/./b", "a//b", "/etc/passwd", `..\x`, `a\b`,
		`C:\x`, "C:x", "x\x00y", "x\ny", "\x1b[2J", "\u202e", "\xff", ".pull/x", "a/.PULL/x", ".git/config", "sub/.Git/hooks/post-checkout", "~/x", "-rf", "CON", "a/NUL",
		strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x", "a/", "…", "a/b/c/d/e", "onnx/..", "...",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkPath(name) != nil {
			return
		}
		dir := filepath.Clean("/models/x")
		joined := filepath.Join(dir, filepath.FromSlash(name))
		if rel, err := filepath.Rel(dir, joined); err != nil || filepath.ToSlash(rel) != name || !strings.HasPrefix(joined, dir+string(filepath.Separator)) {
			t.Fatalf("%q becomes %q", name, joined)
		}
		for _, r := range name {
			if unicode.IsControl(r) || r == '\\' || r == 0 {
				t.Fatalf("%q holds %q", name, r)
			}
		}
		for part := range strings.SplitSeq(strings.ToLower(name), "/") {
			if part == ".pull" || part == ".git" || part == ".." || part == "." || part == "" {
				t.Fatalf("%q has the part %q", name, part)
			}
		}
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		file := File{Path: name, Checksum: Checksum{hex: "00"}}
		if err := root.MkdirAll(filepath.Dir(staged(file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := root.WriteFile(staged(file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := (&folder{root: root}).install([]File{file}); err != nil {
			t.Fatal(err)
		}
		if info, err := fs.Stat(root.FS(), name); err != nil || !info.Mode().IsRegular() {
			t.Fatalf("%q was not installed: %v", name, err)
		}
	})
}
