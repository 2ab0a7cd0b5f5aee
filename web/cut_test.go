//go:build browser

package web

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"penstock/test/cutproxy"
	"penstock/test/server"
)

const (
	ended      = `["done", "failed", "cut", "stopped"].includes(document.querySelector(".turn:last-child")?.dataset.state)`
	lastAnswer = `document.querySelector(".turn:last-child .answer").textContent`
)

// cutter stands between the browser and a gateway. What reads a stream goes through a proxy that
// cuts; everything else passes.
type cutter struct {
	*httptest.Server
	cuts *cutproxy.Proxy
	asks atomic.Int64 // for streams
	lost atomic.Bool  // from the second time on they are asked for by an id that the gateway doesn't know
}

// startCutter cuts the first connections to streams, one at each of the given numbers of bytes.
func startCutter(t *testing.T, origin string, after ...int64) *cutter {
	t.Helper()
	target, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{}
	c.cuts, err = cutproxy.Listen(t.Context(), target.Host, func() cutproxy.Cut {
		if len(after) == 0 {
			return cutproxy.Never()
		}
		cut := cutproxy.Cut{After: after[0], Reset: len(after)%2 == 0}
		after = after[1:]
		return cut
	})
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the gateway compares it with the page's origin
	}}
	cut := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			pass.Rewrite(r)
			if again := c.asks.Add(1) > 1; again && c.lost.Load() {
				r.Out.URL.Path = "/v1/streams/" + strings.Repeat("0", 32)
			}
		},
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, c.cuts.Address())
			},
		},
		ErrorLog: log.New(io.Discard, "", 0), // cuts are what it is here for
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/streams/") {
			cut.ServeHTTP(w, r)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		c.CloseClientConnections()
		c.Close()
		if err := c.cuts.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ask puts a question and notes the states that its answer goes through.
func ask(t *testing.T, p *tab, question string) {
	t.Helper()
	eval[chromedp.Void](t, p, `document.querySelector("#chat details").open = true;
		globalThis.states = new Set();
		new MutationObserver(() => states.add(document.querySelector(".turn:last-child")?.dataset.state))
			.observe(document.querySelector("#log"), { subtree: true, childList: true, attributes: true, characterData: true });`)
	p.do(t, chromedp.SetValue(chromedp.CSS("input[name=max_tokens]"), "80"),
		chromedp.SendKeys(chromedp.CSS("#chat textarea"), question+"\n"))
}

// The connection is lost twice in the middle of a completion, and the page shows it all, once.
func TestEventsSurviveALostConnection(t *testing.T) {
	c := startCutter(t, server.Start(t, server.Options{}).URL, 1500, 1000)
	p := open(t, c.URL, "/")
	p.wait(t, bothReady)
	ask(t, p, "Tell me a story about a river.")
	p.wait(t, ended)
	p.forgive("net::ERR_") // the browser logs each cut as an error
	states := strings.Join(eval[[]string](t, p, `[...states]`), " ")
	if !strings.HasSuffix(states, "done") || !strings.Contains(states, "reconnecting") {
		t.Errorf("the answer went through %s", states)
	}
	if n := c.cuts.Cuts(); n != 2 {
		t.Errorf("%d connections were cut", n)
	}
	whole := eval[string](t, p, `(async () => {
		const { events } = await import("./sse.js");
		const url = performance.getEntriesByType("resource").map(({ name }) => name).find((name) => name.includes("/v1/streams/"));
		let text = "";
		for await (const { type, data } of events((await fetch(url)).body)) if (type === "message") text += JSON.parse(data).text;
		return text;
	})()`)
	if got := eval[string](t, p, lastAnswer); got != whole || len(got) < 100 {
		t.Errorf("the page shows %q\nthe stream says %q", got, whole)
	}
}

// A stream that can't be resumed is never shown as a complete one.
func TestEventsThatAreLostForGood(t *testing.T) {
	c := startCutter(t, server.Start(t, server.Options{}).URL, 1500)
	c.lost.Store(true)
	p := open(t, c.URL, "/")
	p.wait(t, bothReady)
	ask(t, p, "Tell me a story about a river.")
	p.wait(t, ended)
	p.forgive("net::ERR_")
	p.forgive("404")
	if got := eval[string](t, p, `document.querySelector(".turn:last-child").dataset.state`); got != "cut" {
		t.Errorf("the answer is %s", got)
	}
	if words := eval[string](t, p, `document.querySelector(".turn:last-child .state").textContent`); !strings.HasPrefix(words, "cut off") {
		t.Errorf("below it stands %q", words)
	}
}
