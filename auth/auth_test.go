package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCredentials(t *testing.T) {
	a := openOptions(t, Options{Keys: []Key{{Name: "a", SHA256: Digest("one")}, {Name: "b", SHA256: Digest("two")}, {Name: "c", SHA256: Digest("x:y")}}})
	for _, test := range []struct {
		name, headers string
		caller        string
		err           error
		foreign       string
	}{
		{"none", "", "", ErrNoCredential, ""},
		{"bearer", "Authorization: Bearer one", "key:a", nil, ""},
		{"bearer in another case", "Authorization: bearer  one ", "key:a", nil, ""},
		{"x-api-key", "X-Api-Key: one", "key:a", nil, ""},
		{"api-key", "Api-Key: two", "key:b", nil, ""},
		{"the same twice", "X-Api-Key: one; Authorization: Bearer one; Api-Key: one", "key:a", nil, ""},
		{"basic", "Authorization: Basic one", "", ErrNoCredential, ""},
		{"empty", "Authorization: Bearer ", "", ErrNoCredential, ""},
		{"unknown", "Authorization: Bearer three", "", ErrUnknown, ""},
		{"a digest", "X-Api-Key: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "", ErrUnknown, ""},
		{"endless", "X-Api-Key: " + strings.Repeat("x", maxCredential+1), "", ErrUnknown, ""},
		{"two keys", "X-Api-Key: one; Authorization: Bearer two", "", ErrConflict, ""},
		{"two headers for keys", "X-Api-Key: one; Api-Key: two", "", ErrConflict, "two"},
		{"a header twice", "X-Api-Key: one; X-Api-Key: two", "", ErrConflict, ""},
		{"an unknown key decides", "X-Api-Key: three; Authorization: Bearer one", "", ErrConflict, ""},
		{"an upstream's beside ours", "X-Api-Key: one; Authorization: Bearer upstream", "key:a", nil, "upstream"},
		{"ours after Bearer twice", "X-Api-Key: one; Authorization: Bearer Bearer one", "key:a", nil, ""},
		{"ours with a colon", "X-Api-Key: x:y; Authorization: Bearer x:y", "key:c", nil, ""},
		{"ours in a list", "X-Api-Key: one; Authorization: Bearer upstream,\"two\"", "key:a", nil, ""},
		{"a revoked one beside ours", "X-Api-Key: one; Authorization: Bearer psk_gone", "", ErrConflict, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			for line := range strings.SplitSeq(test.headers, "; ") {
				name, value, _ := strings.Cut(line, ": ")
				h.Add(name, value)
			}
			c, err := a.Identify(t.Context(), h)
			if !errors.Is(err, test.err) || err == nil && c.Name != test.caller {
				t.Errorf("identified as %+v: %v", c, err)
			}
			if got := a.Foreign(h); err == nil && got != test.foreign {
				t.Errorf("an upstream would be sent %q", got)
			}
		})
	}
}

func TestNewKeys(t *testing.T) {
	key := NewKey()
	if len(key) != len(KeyPrefix)+43 || !strings.HasPrefix(key, KeyPrefix) || key == NewKey() {
		t.Errorf("the key is %q", key)
	}
}

// parseNames parses a keys file of the test: a JSON list of names, which are the keys too.
func parseNames(text []byte) (keys []Key, err error) {
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, err
	}
	for _, name := range names {
		keys = append(keys, Key{Name: name, SHA256: Digest(name), Limits: Limits{RequestsPerMinute: 2}})
	}
	return keys, nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// file is an Auth that watches a keys file in virtual time.
type file struct {
	*Auth
	log  bytes.Buffer
	path string
}

func watch(t *testing.T, path string) *file {
	t.Helper()
	f := &file{path: path}
	f.Auth = openOptions(t, Options{
		Keys: []Key{{Name: "own", SHA256: Digest("own")}}, File: path, Parse: parseNames,
		Log: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); f.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return f
}

// valid returns which of the test's keys are valid, after the file has had time to be read.
func (f *file) valid(t *testing.T) string {
	t.Helper()
	time.Sleep(2*pollInterval + time.Millisecond)
	synctest.Wait()
	var names []string
	for _, name := range []string{"own", "a", "b"} {
		if _, err := f.identify(t.Context(), name); err == nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func TestTheKeysFileIsJudgedByContent(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "keys.json")
		write(t, path, `["a"]`)
		when := time.Now()
		f := watch(t, path)
		check := func(want string) {
			t.Helper()
			if got := f.valid(t); got != want {
				t.Errorf("valid are %q, not %q", got, want)
			}
		}
		check("own a")
		// Another content of the same size, time and inode.
		write(t, path, `["b"]`)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
		check("own b")
		// Kubernetes replaces a link to the folder that the file's link leads into.
		for _, v := range []string{"a", "b"} {
			folder := filepath.Join(dir, "..v-"+v)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(folder, "keys.json"), `["`+v+`"]`)
		}
		swap := func(to string) {
			next := filepath.Join(dir, "next")
			if err := errors.Join(os.Symlink(to, next), os.Rename(next, filepath.Join(dir, "..data"))); err != nil {
				t.Fatal(err)
			}
		}
		swap("..v-a")
		if err := errors.Join(os.Remove(path), os.Symlink(filepath.Join("..data", "keys.json"), path)); err != nil {
			t.Fatal(err)
		}
		check("own a")
		swap("..v-b")
		check("own b")
		if s := f.Status(); s.FileFailures != 0 || s.FileReloads != 3 || s.FileBroken {
			t.Errorf("%+v", s)
		}
	})
}

func TestABrokenKeysFileKeepsTheLastGoodKeys(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "keys.json")
		write(t, path, `["a"]`)
		f := watch(t, path)
		for i, broken := range []func(){
			func() { write(t, path, `["a`) },
			func() { write(t, path, `{}`) },
			func() { write(t, path, `["own"]`) }, // taken
			func() { write(t, path, strings.Repeat(" ", maxKeysFile)+`["b"]`) },
			func() { _ = os.Remove(path) },
			func() { _ = os.Mkdir(path, 0o700) },
		} {
			broken()
			if got := f.valid(t); got != "own a" {
				t.Errorf("broken %d: valid are %q", i, got)
			}
			if s := f.Status(); !s.FileBroken || s.FileFailures != int64(i+1) {
				t.Errorf("broken %d: %+v", i, s)
			}
		}
		time.Sleep(time.Hour)
		if n := strings.Count(f.log.String(), "level=ERROR"); n != 6 {
			t.Errorf("%d errors were logged:\n%s", n, f.log.String())
		}
		_ = os.Remove(path)
		write(t, path, `[]`)
		if got := f.valid(t); got != "own" || f.Status().FileBroken {
			t.Errorf("valid are %q", got)
		}
	})
}

func TestAMissingOrBrokenKeysFileIsRefusedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	write(t, broken, `{`)
	for _, path := range []string{filepath.Join(dir, "missing"), broken, dir, os.DevNull} {
		if _, err := Open(Options{File: path, Parse: parseNames}); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
}

func TestRevokedKeys(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "keys.json")
		write(t, path, `["a", "b"]`)
		f := watch(t, path)
		a, b := identified(t, f.Auth, "a"), identified(t, f.Auth, "b")
		var revoked []string
		f.OnRevoked(a.ID, func() { revoked = append(revoked, "a") })
		f.OnRevoked(b.ID, func() { revoked = append(revoked, "b") })
		f.OnRevoked(a.ID, func() { t.Error("called after stop") })()
		admitted(t, a, Request{})
		write(t, path, `["b"]`)
		f.valid(t)
		if !slices.Equal(revoked, []string{"a"}) || f.Valid(a.ID) || !f.Valid(b.ID) {
			t.Errorf("revoked: %v", revoked)
		}
		f.OnRevoked(a.ID, func() { revoked = append(revoked, "late") })
		if len(revoked) != 2 {
			t.Error("a function that came late was not called")
		}
		write(t, path, `["a", "b"]`)
		f.valid(t)
		again := identified(t, f.Auth, "a")
		if g := admitted(t, again, Request{}); g.Meters.Requests.Remaining != 0 {
			t.Errorf("a key that came back has %d requests", g.Meters.Requests.Remaining)
		}
	})
}

// runs runs an Auth until stop is called.
func runs(t *testing.T, a *Auth) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx) }()
	return func() { cancel(); <-ended }
}

func TestBudgetsSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		o := Options{State: dir, Keys: []Key{{Name: "k", SHA256: Digest("secret"), Limits: Limits{TokensPerDay: 100}}}}
		spend := func(n int64) error {
			a := openOptions(t, o)
			stop := runs(t, a)
			defer stop()
			g, err := identified(t, a, "secret").Admit(Request{Prompt: n})
			if err == nil {
				g.Settle(n, 0, false)
			}
			return err
		}
		if err := errors.Join(spend(60), spend(30)); err != nil {
			t.Fatal(err)
		}
		openOptions(t, o) // starts and ends without a request
		if err := spend(11); err == nil {
			t.Error("101 of 100 tokens were spent")
		}
		time.Sleep(24 * time.Hour)
		if err := spend(100); err != nil {
			t.Errorf("the next day: %v", err)
		}

		// What a crash loses is bounded.
		time.Sleep(24 * time.Hour)
		a := openOptions(t, o)
		stop := runs(t, a)
		for range 5 {
			admitted(t, identified(t, a, "secret"), Request{Prompt: 10}).Settle(10, 0, false)
			time.Sleep(time.Second)
		}
		time.Sleep(saveInterval)
		synctest.Wait()
		saved, err := readState(dir)
		stop()
		if err != nil || saved["key:k"].DayTokens != 50 || saved["key:k"].Day != "2000-01-03" {
			t.Errorf("saved: %+v, %v", saved, err)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
			t.Errorf("the folder has %v", files)
		}
	})
}

func TestBrokenStateIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"not JSON":       {`{"version":1,"callers":[{`, "delete it"},
		"empty":          {``, "delete it"},
		"a later one":    {`{"version":2,"callers":[]}`, "version 2"},
		"not a date":     {`{"version":1,"callers":[{"name":"key:k","day":"today","month":"2000-01-01"}]}`, "key:k"},
		"less than none": {`{"version":1,"callers":[{"name":"key:k","day":"2000-01-01","month":"2000-01-01","day_tokens":-1}]}`, "key:k"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, stateFile), test.text)
			if _, err := Open(Options{State: dir}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	if _, err := Open(Options{State: filepath.Join(os.DevNull, "x")}); err == nil {
		t.Error("a folder that cannot be made was taken")
	}
}

// A file that is being written may be a valid, shorter list for a moment: nothing is revoked.
func TestAHalfWrittenKeysFileRevokesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "keys.json")
		write(t, path, `["a", "b"]`)
		f := watch(t, path)
		f.OnRevoked(identified(t, f.Auth, "b").ID, func() { t.Error("a key was revoked") })
		time.Sleep(pollInterval / 2)
		for range 5 {
			write(t, path, `["a"]`)
			time.Sleep(pollInterval)
			write(t, path, `["a", "b"]`)
			time.Sleep(pollInterval)
		}
		if got := f.valid(t); got != "own a b" {
			t.Errorf("valid are %q", got)
		}
	})
}
