package hub_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/hub"
	"penstock/hub/hubtest"
)

func TestAllFilesArriveOnce(t *testing.T) {
	h := hubtest.New(id, model())
	h.Token = token
	inBubble(t, h, func(t *fixture) {
		s := t.snapshot()
		if s.Commit != h.Revision() {
			t.Errorf("commit %s, want %s", s.Commit, h.Revision())
		}
		if err := t.fetch(s); err != nil {
			t.Fatal(err)
		}
		if got := t.content(); !maps.Equal(got, model()) {
			t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
		}
		for _, r := range h.Requests() {
			if trusted := r.Host == "hub.test"; (r.Authorization != "") != trusted {
				t.Errorf("%s%s was requested with Authorization %q", r.Host, r.Path, r.Authorization)
			}
			if file := strings.Contains(r.Path, "/resolve/") || strings.HasPrefix(r.Path, "/store/"); file && r.AcceptEncoding != "identity" {
				t.Errorf("%s was requested with Accept-Encoding %q", r.Path, r.AcceptEncoding)
			}
			if strings.Contains(r.Path, "/resolve/") && !strings.Contains(r.Path, s.Commit) {
				t.Errorf("%s is not pinned to the commit", r.Path)
			}
		}
		if len(t.progress.waits) != 0 || slices.ContainsFunc(t.progress.done, func(s string) bool { return strings.HasSuffix(s, "false") }) {
			t.Errorf("reported: %+v", t.progress)
		}

		// Complete files stay; a damaged one is replaced.
		*t.progress = progress{}
		if err := os.WriteFile(filepath.Join(t.dir, "config.json"), []byte(`{"model_type":"CLIP"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := t.fetch(s); err != nil {
			t.Fatal(err)
		}
		if n := len(h.Requests()); n != 1 || t.progress.done[1] != "config.json true" || t.progress.done[0] != "README.md false" {
			t.Errorf("%d requests, reported: %+v", n, t.progress)
		}
		if got := t.content(); !maps.Equal(got, model()) {
			t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
		}
	})
}

func TestAStoppedFetchIsResumed(t *testing.T) {
	h := hubtest.New(id, model())
	inBubble(t, h, func(t *fixture) {
		s := t.snapshot()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		h.On("onnx/vision_model.onnx", hubtest.Stall(3000, nil))
		stopped := make(chan error)
		go func() { stopped <- t.client.Fetch(ctx, s, s.Files, t.dir) }()
		synctest.Wait()
		if err := t.fetch(s); !errors.Is(err, hub.ErrBusy) {
			t.Errorf("a second one at once: %v", err)
		}
		stop()
		if err := <-stopped; !errors.Is(err, context.Canceled) {
			t.Errorf("the stopped one: %v", err)
		}
		for name := range t.content() {
			if !strings.HasPrefix(name, ".pull/") || strings.HasSuffix(name, "/lock") {
				t.Errorf("%s is there before all files are complete", name)
			}
		}

		h.Requests()
		if err := t.fetch(s); err != nil {
			t.Fatal(err)
		}
		var ranges []string
		for _, r := range h.Requests() {
			if strings.HasPrefix(r.Path, "/store/") {
				ranges = append(ranges, r.Path+" "+r.Range)
			} else if !hubtest.Large(r.Path) && !strings.HasSuffix(r.Path, "/tokenizer.json") { // which is requested later
				t.Errorf("%s was fetched before", r.Path)
			}
			if r.Range != "" && !strings.HasPrefix(r.IfRange, `"`) {
				t.Errorf("%s with the range %s and If-Range %q", r.Path, r.Range, r.IfRange)
			}
		}
		if want := []string{"/store/onnx/vision_model.onnx bytes=3000-"}; !slices.Equal(ranges, want) {
			t.Errorf("fetched %q, want %q", ranges, want)
		}
		if got := t.content(); !maps.Equal(got, model()) {
			t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
		}
	})
}

func TestAnotherCommitStartsOver(t *testing.T) {
	h := hubtest.New(id, model())
	inBubble(t, h, func(t *fixture) {
		if err := t.fetch(t.snapshot()); err != nil {
			t.Fatal(err)
		}
		h.Commit("onnx/text_model.onnx", text+"two")
		h.On("onnx/text_model.onnx", hubtest.Cut(3000))
		h.On("onnx/text_model.onnx", slices.Repeat([]hubtest.Fault{hubtest.Cut(0)}, 5)...)
		if err := t.fetch(t.snapshot()); err == nil || !strings.Contains(err.Error(), "after 3000 of 5003 bytes") {
			t.Error(err)
		}
		if got := t.content()["onnx/text_model.onnx"]; got != text {
			t.Error("a cut file has replaced a complete one")
		}
		h.Commit("onnx/text_model.onnx", text+"three")
		h.Requests()
		if err := t.fetch(t.snapshot()); err != nil {
			t.Fatal(err)
		}
		if sent := t.requests("onnx/text_model.onnx"); len(sent) != 1 || sent[0].Range != "" {
			t.Errorf("requests: %+v", sent)
		}
		if got := t.content(); got["onnx/text_model.onnx"] != text+"three" || len(got) != len(model()) {
			t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
		}
	})
}

func TestNothingIsWrittenOutsideTheFolder(t *testing.T) {
	outside := t.TempDir()
	inBubble(t, hubtest.New(id, model()), func(t *fixture) {
		if err := os.MkdirAll(t.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(t.dir, "onnx")); err != nil {
			t.Fatal(err)
		}
		if err := t.fetch(t.snapshot()); err == nil {
			t.Error("a link out of the folder was followed")
		}
		if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
			t.Errorf("outside: %v, %v", left, err)
		}
		evil := hub.File{Path: "../evil"}
		if err := t.client.Fetch(t.Context(), t.snapshot(), []hub.File{evil}, t.dir); err == nil {
			t.Error("a path out of the folder was fetched")
		}
	})
}

func TestAFolderInPlaceOfAFile(t *testing.T) {
	inBubble(t, hubtest.New(id, model()), func(t *fixture) {
		if err := os.MkdirAll(filepath.Join(t.dir, "config.json"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := t.fetch(t.snapshot()); err == nil || !strings.Contains(err.Error(), "config.json is a folder there") {
			t.Error(err)
		}
		if got := t.content(); len(got) != 2 { // README.md, staged with its ETag
			t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(got)))
		}
	})
}
