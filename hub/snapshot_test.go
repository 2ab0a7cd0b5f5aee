package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"penstock/hub"
	"penstock/hub/hubtest"
)

func TestListsInPages(t *testing.T) {
	files := map[string]string{}
	for i := range 25 {
		files[fmt.Sprintf("folder %d/file #%d?.json", i%3, i)] = strings.Repeat("x", i)
	}
	h := hubtest.New(id, files)
	h.PageSize = 4
	inBubble(t, h, func(t *fixture) {
		s := t.snapshot()
		if len(s.Files) != 25 || !slices.IsSortedFunc(s.Files, func(a, b hub.File) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%d files: %v", len(s.Files), s.Files)
		}
		if n := len(h.Requests()); n != 8 { // the revision, and 28 lines of 25 files and 3 folders
			t.Errorf("%d requests", n)
		}
		if err := t.fetch(s); err != nil {
			t.Error(err)
		}
		for name, content := range t.content() {
			if files[name] != content {
				t.Errorf("%s holds %q", name, content)
			}
		}
	})
}

func TestRevisionsAndNames(t *testing.T) {
	h := hubtest.New("openai-community/gpt2", model())
	h.OldID = "gpt2"
	inBubble(t, h, func(t *fixture) {
		for _, revision := range []string{"main", "refs/pr/1", h.Revision()} {
			s, err := t.client.Snapshot(t.Context(), "gpt2", revision)
			if err != nil || s.Commit != h.Revision() {
				t.Errorf("%s: %s, %v", revision, s.Commit, err)
			}
			if err := t.client.Fetch(t.Context(), s, s.Files, t.dir); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAMirrorBelowAPath(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/api/hf", hubtest.New(id, map[string]string{"a b/c.json": "{}"})))
	defer server.Close()
	c, err := hub.New(hub.Options{Endpoint: server.URL + "/api/hf/", Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Snapshot(t.Context(), id, "main")
	if err == nil {
		err = c.Fetch(t.Context(), s, s.Files, t.TempDir())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestSnapshotErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change       func(*hubtest.Hub)
		id, revision string
		is           error
		want         string // in the error
	}{
		"private":           {change: func(h *hubtest.Hub) { h.Token = "another" }, is: hub.ErrNotAllowed, want: "the token in HF_TOKEN does not open " + id + " (401)"},
		"gated":             {change: func(h *hubtest.Hub) { h.Gated = true }, is: hub.ErrNotAllowed, want: "the licence of " + id + " must be accepted first: do that at http://hub.test/" + id},
		"unknown":           {id: "nobody/nothing", is: hub.ErrNotAllowed, want: "does not open nobody/nothing"},
		"unknown revision":  {revision: "v9", is: hub.ErrNotFound, want: id + " has no revision like that"},
		"gone":              {change: on("revision", hubtest.Status(404)), is: hub.ErrNotFound, want: "hub.test has no repository " + id},
		"no hub":            {change: on("revision", hubtest.Body("<html>")), want: "hub.test does not respond as a hub"},
		"another status":    {change: on("revision", hubtest.Status(418)), want: "hub.test returns status 418"},
		"no commit":         {change: on("revision", hubtest.Body(`{"sha":"../../x"}`)), is: hub.ErrContradiction, want: "which commit"},
		"out of the folder": {change: tree(`{"type":"file","path":"../x","size":1,"oid":"` + sha1sum + `"}`), want: `will not write to: "../x"`},
		"into git":          {change: tree(`{"type":"file","path":".git/config","size":1,"oid":"` + sha1sum + `"}`), want: `will not write to: ".git/config"`},
		"twice":             {change: tree(strings.Repeat(`,{"type":"file","path":"x","size":1,"oid":"`+sha1sum+`"}`, 2)[1:]), is: hub.ErrContradiction, want: "lists x twice"},
		"file and folder":   {change: tree(`{"type":"file","path":"x/y/z","size":1,"oid":"` + sha1sum + `"},{"type":"file","path":"x","size":1,"oid":"` + sha1sum + `"}`), is: hub.ErrContradiction, want: "lists x as a file and as a folder"},
		"a negative size":   {change: tree(`{"type":"file","path":"x","size":-1,"oid":"` + sha1sum + `"}`), is: hub.ErrContradiction, want: "without a usable size"},
		"no checksum":       {change: tree(`{"type":"file","path":"x","size":1}`), is: hub.ErrContradiction, want: "without a usable size and checksum"},
		"half a checksum":   {change: tree(`{"type":"file","path":"x","size":1,"oid":"` + sha1sum + `","lfs":{"oid":"` + sha1sum + `","size":1}}`), is: hub.ErrContradiction, want: "checksum"},
		"a cycle":           {change: on("tree", hubtest.Header("Link", `<?cursor=0>; rel="next"`), hubtest.Header("Link", `<?cursor=0>; rel="next"`)), is: hub.ErrContradiction, want: "form a cycle"},
		"an endless list":   {change: on("tree", hubtest.Body("["+strings.Repeat(" ", 33<<20)+"]")), want: "as a list of files"},
		"cut for ever":      {change: on("tree", slices.Repeat([]hubtest.Fault{hubtest.Cut(1)}, 6)...), want: "given up after 6 attempts: the connection to hub.test broke"},
		"silent for ever":   {change: on("tree", slices.Repeat([]hubtest.Fault{hubtest.Stall(1, nil)}, 6)...), want: "given up after 6 attempts: hub.test: no data for 30s"},
		"a bad id":          {id: "../etc", want: "is not a repository id"},
		"a bad revision":    {revision: "../../x", want: "is not a revision"},
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(id, model())
			if test.change != nil {
				test.change(h)
			}
			if test.id == "" {
				test.id = id
			}
			if test.revision == "" {
				test.revision = "main"
			}
			inBubble(t, h, func(t *fixture) {
				_, err := t.client.Snapshot(t.Context(), test.id, test.revision)
				if err == nil || (test.is != nil && !errors.Is(err, test.is)) || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("%v, want %v: %s", err, test.is, test.want)
				}
				if strings.Contains(err.Error(), token) {
					t.Errorf("the error shows the token: %v", err)
				}
			})
		})
	}
}

const sha1sum = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

func on(what string, faults ...hubtest.Fault) func(*hubtest.Hub) {
	return func(h *hubtest.Hub) { h.On(what, faults...) }
}

func tree(entries string) func(*hubtest.Hub) { return on("tree", hubtest.Body("["+entries+"]")) }

func TestAnErrorWithoutATokenNamesTheVariable(t *testing.T) {
	h := hubtest.New(id, model())
	h.Token = token
	server := httptest.NewServer(h)
	defer server.Close()
	c, err := hub.New(hub.Options{Endpoint: server.URL, Transport: server.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Snapshot(t.Context(), id, "main")
	if !errors.Is(err, hub.ErrNotAllowed) || !strings.Contains(err.Error(), "needs HF_TOKEN") {
		t.Error(err)
	}
}

func TestTheTokenIsSentToTheHubOnly(t *testing.T) {
	for name, away := range map[string]string{
		"another host":   "http://elsewhere.test/store/" + large + "?X-Amz-Signature=s",
		"a subdomain":    "http://cdn.hub.test/store/" + large + "?X-Amz-Signature=s",
		"another port":   "http://hub.test:81/store/" + large + "?X-Amz-Signature=s",
		"there and back": "http://elsewhere.test/back",
		"with a user":    "http://hub.test@elsewhere.test/store/" + large + "?X-Amz-Signature=s",
	} {
		t.Run(name, func(t *testing.T) {
			h := hubtest.New(id, model())
			h.Token = token
			h.On("resolve "+large, hubtest.To(away))
			h.On("/back", hubtest.To("http://hub.test/store/"+large+"?X-Amz-Signature=s"))
			inBubble(t, h, func(t *fixture) {
				if err := t.fetch(t.snapshot(), large); err != nil {
					t.Fatal(err)
				}
				for _, r := range h.Requests() {
					if strings.HasPrefix(r.Path, "/store/") && r.Authorization != "" {
						t.Errorf("%s%s was requested with the token", r.Host, r.Path)
					}
				}
			})
		})
	}
	t.Run("the next page", func(t *testing.T) {
		h := hubtest.New(id, model())
		h.On("tree", hubtest.Header("Link", `<http://elsewhere.test/api/models/`+id+`/tree/`+h.Revision()+`>; rel="next"`))
		inBubble(t, h, func(t *fixture) {
			_, err := t.client.Snapshot(t.Context(), id, "main")
			if !errors.Is(err, hub.ErrContradiction) { // the same files again
				t.Error(err)
			}
			for _, r := range h.Requests() {
				if r.Host != "hub.test" && r.Authorization != "" {
					t.Errorf("%s%s was requested with the token", r.Host, r.Path)
				}
			}
		})
	})
	t.Run("without encryption", func(t *testing.T) {
		h := hubtest.New(id, model())
		plain := httptest.NewServer(h)
		defer plain.Close()
		server := httptest.NewTLSServer(h)
		defer server.Close()
		h.Store = plain.URL
		c, err := hub.New(hub.Options{Endpoint: server.URL, Transport: server.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Snapshot(t.Context(), id, "main")
		if err == nil {
			err = c.Fetch(t.Context(), s, s.Files, t.TempDir())
		}
		if err == nil || !strings.Contains(err.Error(), "without encryption: refused") {
			t.Error(err)
		}
	})
}

// failing is a network on which every request fails.
type failing struct{ err error }

func (r failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, r.err }

func TestNoNetworkIsReportedAtOnce(t *testing.T) {
	for want, err := range map[string]error{
		"the address of hub.test cannot be found: is there a network?": &net.DNSError{Err: "no such host", Name: "hub.test", IsNotFound: true},
		"hub.test cannot be reached (connection refused)":              &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &progress{}
			c, e := hub.New(hub.Options{Endpoint: endpoint, Progress: p, Transport: failing{err}})
			if e != nil {
				t.Fatal(e)
			}
			_, got := c.Snapshot(t.Context(), id, "main")
			if !errors.Is(got, hub.ErrUnreachable) || !strings.Contains(got.Error(), want) || len(p.waits) != 0 {
				t.Errorf("%v after %v", got, p.waits)
			}
		})
	}
}

func TestAnUnknownCertificateIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(hubtest.New(id, model()))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := hub.New(hub.Options{Endpoint: server.URL, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Snapshot(t.Context(), id, "main"); err == nil || !strings.Contains(err.Error(), "cannot be verified") {
		t.Error(err)
	}
}

func TestSnapshotEndsWithItsContext(t *testing.T) {
	h := hubtest.New(id, model())
	h.On("revision", hubtest.Stall(0, nil))
	inBubble(t, h, func(t *fixture) {
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(nil)
		stopped := make(chan error)
		go func() {
			_, err := t.client.Snapshot(ctx, id, "main")
			stopped <- err
		}()
		synctest.Wait()
		stop(os.ErrClosed)
		if err := <-stopped; !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestOptions(t *testing.T) {
	for _, bad := range []hub.Options{
		{Endpoint: "huggingface.co"},
		{Endpoint: "ftp://hub.test"},
		{Endpoint: "https://"},
		{Endpoint: "https://user:pass@hub.test"},
		{Endpoint: "https://hub.test?x=y"},
		{Endpoint: "https://hub.test/\x7f"},
		{Token: "two words"},
		{Token: "line\nline"},
		{Token: "schlüssel"},
	} {
		if _, err := hub.New(bad); err == nil || strings.Contains(err.Error(), "pass") || (bad.Token != "" && strings.Contains(err.Error(), bad.Token)) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, good := range []hub.Options{{}, {Endpoint: "https://hub.test/"}, {Endpoint: "http://127.0.0.1:8080/a/b", Token: " hf_x\n"}} {
		if _, err := hub.New(good); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}
