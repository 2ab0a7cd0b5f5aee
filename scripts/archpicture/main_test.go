package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	_ "penstock/kinds" // so that go test does not reuse a result from before a change of the packages
)

func TestPictureIsUpToDate(t *testing.T) {
	const root = "../.."
	var picture bytes.Buffer
	if err := run(t.Context(), root, false, &picture); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), begin+picture.String()+end) {
		t.Errorf("the picture in %s is out of date: run make arch. It is now\n%s", file, &picture)
	}
}

func TestImpliedArrowsAreLeftOut(t *testing.T) {
	got := draw(graph{"a": {"b": true, "c": true, "d": true}, "b": {"c": true}, "c": {"d": true}, "d": {}})
	const want = "```mermaid\ngraph TD\n  a --> b\n  b --> c\n  c --> d\n```\n"
	if got != want {
		t.Errorf("drawn:\n%s\nwant:\n%s", got, want)
	}
}

func TestPictureReplacesTheOneBefore(t *testing.T) {
	text := "above\n" + begin + "old\n" + end + "below\n"
	got, err := insert(text, "new\n")
	if want := "above\n" + begin + "new\n" + end + "below\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := insert("above\n"+begin, "new\n"); err == nil {
		t.Error("a missing marker is not reported")
	}
}
