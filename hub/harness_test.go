package hub_test

import (
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"penstock/hub"
	"penstock/hub/hubtest"
	"penstock/test/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	id       = "openai/clip-vit-base-patch32"
	endpoint = "http://hub.test"
	store    = "http://store.hub.test" // a subdomain is another host
	token    = "hf_secret"
)

var (
	vision = strings.Repeat("vision ", 1000)
	text   = strings.Repeat("text ", 1000)
)

// model is the repository of most tests.
func model() map[string]string {
	return map[string]string{
		"config.json":            `{"model_type":"clip"}`,
		"tokenizer.json":         `{}`,
		"README.md":              "a model",
		"empty.txt":              "",
		"onnx/vision_model.onnx": vision,
		"onnx/text_model.onnx":   text,
	}
}

// fixture is a hub, a client of it, and a folder, in virtual time.
type fixture struct {
	*testing.T
	hub      *hubtest.Hub
	client   *hub.Client
	dir      string
	progress *progress
}

// progress records what a client reports.
type progress struct {
	done  []string
	waits []time.Duration
	at    int64
}

func (p *progress) At(_ hub.File, have int64) { p.at = have }

func (p *progress) Done(f hub.File, fetched bool) {
	p.done = append(p.done, fmt.Sprintf("%s %v", f.Path, fetched))
}

func (p *progress) Waiting(d time.Duration, _ error) { p.waits = append(p.waits, d) }

// inBubble runs a test in virtual time, over an in-memory network on which every name resolves to
// the hub.
func inBubble(t *testing.T, h *hubtest.Hub, f func(t *fixture)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "models", "clip")
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
		served := make(chan error)
		go func() { served <- server.Serve(listener) }()
		transport := &http.Transport{DialContext: listener.Dial}
		defer func() {
			transport.CloseIdleConnections()
			server.Close()
			<-served
		}()
		if h.Store == "" {
			h.Store = store
		}
		d := &fixture{T: t, hub: h, dir: dir, progress: &progress{}}
		var err error
		d.client, err = hub.New(hub.Options{Endpoint: endpoint, Token: token, Progress: d.progress, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		f(d)
	})
}

// snapshot lists main, which must succeed.
func (d *fixture) snapshot() hub.Snapshot {
	d.Helper()
	s, err := d.client.Snapshot(d.Context(), id, "main")
	if err != nil {
		d.Fatal(err)
	}
	return s
}

// fetch downloads the named files, or all of them if none are named.
func (d *fixture) fetch(s hub.Snapshot, names ...string) error {
	d.Helper()
	files := s.Files
	if names != nil {
		var err error
		if files, err = s.Choose(names); err != nil {
			d.Fatal(err)
		}
	}
	return d.client.Fetch(d.Context(), s, files, d.dir)
}

// content returns all files in the folder, staging included.
func (d *fixture) content() map[string]string {
	d.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(d.dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(d.dir, path))
		found[path] = string(data)
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	return found
}

// requests returns the requests for a file's bytes since the last call.
func (d *fixture) requests(name string) []hubtest.Request {
	var out []hubtest.Request
	for _, r := range d.hub.Requests() {
		if strings.HasSuffix(r.Path, "/"+name) && (!hubtest.Large(name) || strings.HasPrefix(r.Path, "/store/")) {
			out = append(out, r)
		}
	}
	return out
}
