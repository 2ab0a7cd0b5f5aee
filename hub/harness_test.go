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
	store    = "http://store.hub.test" // a subdomain is another host too
	token    = "hf_secret"
)

var (
	vision = strings.Repeat("vision ", 1000)
	text   = strings.Repeat("text ", 1000)
)

// model is what the hub of most tests has.
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

// desk is a hub, a client of it, and a folder, in virtual time.
type desk struct {
	*testing.T
	hub    *hubtest.Hub
	client *hub.Client
	dir    string
	told   *told
}

// told keeps what a client tells.
type told struct {
	done  []string
	waits []time.Duration
	at    int64
}

func (p *told) At(_ hub.File, have int64) { p.at = have }

func (p *told) Done(f hub.File, fetched bool) {
	p.done = append(p.done, fmt.Sprintf("%s %v", f.Path, fetched))
}

func (p *told) Waiting(d time.Duration, _ error) { p.waits = append(p.waits, d) }

// inBubble runs a test in virtual time, over a network in memory on which every name leads to the hub.
func inBubble(t *testing.T, h *hubtest.Hub, f func(t *desk)) {
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
		d := &desk{T: t, hub: h, dir: dir, told: &told{}}
		var err error
		d.client, err = hub.New(hub.Options{Endpoint: endpoint, Token: token, Progress: d.told, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		f(d)
	})
}

// snapshot lists main, which must go well.
func (d *desk) snapshot() hub.Snapshot {
	d.Helper()
	s, err := d.client.Snapshot(d.Context(), id, "main")
	if err != nil {
		d.Fatal(err)
	}
	return s
}

// fetch fetches files, all where none are named.
func (d *desk) fetch(s hub.Snapshot, names ...string) error {
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

// content is all that lies in the folder, staging included.
func (d *desk) content() map[string]string {
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

// asked are the requests for a file's bytes since the last look.
func (d *desk) asked(name string) []hubtest.Request {
	var out []hubtest.Request
	for _, r := range d.hub.Requests() {
		if strings.HasSuffix(r.Path, "/"+name) && (!hubtest.Large(name) || strings.HasPrefix(r.Path, "/store/")) {
			out = append(out, r)
		}
	}
	return out
}
