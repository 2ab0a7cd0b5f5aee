//go:build browser

package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"penstock/engine"
	"penstock/test/testmodel"
)

// ways are what a page can do to send a request to another server. url is the request's; the
// script returns the text of the response if the page can read it.
var ways = []struct {
	name   string
	script string
	reads  bool // the page can read what comes back
	open   bool // over plain HTTP from another machine the request looks like curl's
}{
	{name: "img", script: `document.body.append(Object.assign(new Image(), { src: url }))`},
	{name: "script", script: `document.body.append(Object.assign(document.createElement("script"), { src: url }))`, open: true},
	{name: "iframe", script: `document.body.append(Object.assign(document.createElement("iframe"), { src: url }))`},
	{name: "no-cors fetch", script: `void fetch(url, { mode: "no-cors" }).catch(() => {})`, open: true},
	{name: "no-cors POST", script: `void fetch(url, { mode: "no-cors", method: "POST", body: '{"prompt":"x"}' }).catch(() => {})`},
	{name: "form", script: `submit("POST", "text/plain")`},
	{name: "form by GET", script: `submit("GET", "")`},
	{name: "EventSource", script: `void new EventSource(url)`},
	{name: "fetch", script: `fetch(url).then((r) => r.text()).catch(String)`, reads: true},
	{name: "fetch of JSON", script: `fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"prompt":"x"}' }).then((r) => r.text()).catch(String)`, reads: true},
	{name: "video", script: `document.body.append(Object.assign(document.createElement("video"), { src: url }))`, open: true},
	{name: "stylesheet", script: `document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: url }))`},
	{name: "object", script: `document.body.append(Object.assign(document.createElement("object"), { data: url }))`},
	{name: "sendBeacon", script: `void navigator.sendBeacon(url, '{"prompt":"x"}')`},
	{name: "navigation", script: `location.href = url`}, // the last one: another navigation could meet the end of this one
}

const foreignPage = `<!doctype html><link rel="icon" href="data:,"><body><script>
let url;
function submit(method, enctype) {
	const frame = Object.assign(document.createElement("iframe"), { name: "frame" });
	const form = Object.assign(document.createElement("form"), { action: url, method, enctype, target: "frame" });
	for (const [name, value] of [["way", new URL(url).searchParams.get("way")], ["prompt", "x"]])
		form.append(Object.assign(document.createElement("input"), { name, value }));
	document.body.append(frame, form);
	form.submit();
}
</script>`

// counting is a penstock whose model counts its generations, behind a server that reports which
// requests it has served: a page does not learn of most of them.
type counting struct {
	url     string
	started atomic.Int64
	served  chan string // the ways whose requests are over
}

func startCounting(t *testing.T) *counting {
	t.Helper()
	c := &counting{served: make(chan string, 100)}
	s, err := testmodel.Start(t.Context(), testmodel.Options{Hosts: []string{"lan.test"}, Add: func(e *engine.Engine) error {
		testmodel.AddGenerator(e, "counted", func(_ context.Context, emit func(...string) error) (testmodel.End, error) {
			c.started.Add(1)
			return testmodel.Stopped(), emit("x")
		})
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward.ServeHTTP(w, r)
		if r.Method != http.MethodOptions {
			c.served <- r.URL.Query().Get("way")
		}
	}))
	t.Cleanup(front.Close)
	c.url = front.URL
	return c
}

// await waits for the end of a request of that way.
func (c *counting) await(t *testing.T, way string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	for {
		select {
		case served := <-c.served:
			if served == way {
				return
			}
		case <-ctx.Done():
			t.Fatalf("%s: no request arrived", way)
		}
	}
}

// A page from elsewhere starts no generation, whatever it does to send a request, and where a page
// can read responses it reads why.
func TestForeignPagesStartNothing(t *testing.T) {
	for _, c := range []struct {
		name, page, server string // host names
		plain              bool   // the browser sends no Sec-Fetch headers to the server
	}{
		{"another site", "localhost", "127.0.0.1", false},
		{"another port", "127.0.0.1", "127.0.0.1", false},
		{"a server on the network", "elsewhere.test", "lan.test", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startCounting(t)
			pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, foreignPage) }))
			t.Cleanup(pages.Close)
			page := strings.Replace(pages.URL, "127.0.0.1", c.page, 1)
			p := open(t, page, "/", chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"))
			p.forgive("") // a refusal is an error to the browser too
			for _, way := range ways {
				before := s.started.Load()
				address, err := json.Marshal(strings.Replace(s.url, "127.0.0.1", c.server, 1) + "/v1/models/counted/stream?" + url.Values{"prompt": {"x"}, "way": {way.name}}.Encode())
				if err != nil {
					t.Fatal(err)
				}
				p.do(t, chromedp.Navigate(page+"/"))
				read := eval[string](t, p, fmt.Sprintf("(async () => { url = %s; return String(await (%s)); })()", address, way.script))
				s.await(t, way.name)
				if started := s.started.Load() - before; started > 0 != (c.plain && way.open) {
					t.Errorf("%s started %d generations", way.name, started)
				}
				if way.reads && (!strings.Contains(read, "server.cors.origins") || !strings.Contains(read, page)) {
					t.Errorf("%s: the page read %q", way.name, read)
				}
			}
		})
	}
}
