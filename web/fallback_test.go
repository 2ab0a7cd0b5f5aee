//go:build browser

package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"penstock/test/server"
)

// Where a gateway hands out no streams to come back to, the page reads the answer of its own
// request instead. That can't be taken up again once it is cut, and is never shown as whole then.
func TestPlaygroundWithoutStreamsToComeBackTo(t *testing.T) {
	target, err := url.Parse(server.Start(t, server.Options{}).URL)
	if err != nil {
		t.Fatal(err)
	}
	var cut atomic.Bool
	asked := make(chan string, 2) // what the gateway was asked for instead
	pass := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/stream") {
				asked <- r.Request.Method + " " + r.Request.URL.Path
				if cut.Load() { // in good order, as far as HTTP can tell
					r.Body = struct {
						io.Reader
						io.Closer
					}{io.LimitReader(r.Body, 1000), r.Body}
				}
			}
			return nil
		},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/streams" {
			http.NotFound(w, r)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	defer func() {
		s.CloseClientConnections()
		s.Close()
	}()
	p := open(t, s.URL, "/")
	p.wait(t, bothReady)
	p.forgive("404") // the browser logs every refused request as an error

	ask(t, p, "Why is the sky blue?")
	p.wait(t, ended)
	states := strings.Join(eval[[]string](t, p, `[...states]`), " ")
	if !strings.HasSuffix(states, "streaming done") {
		t.Errorf("the answer went through %s", states)
	}
	if answer := eval[string](t, p, lastAnswer); len(answer) < 100 {
		t.Errorf("the answer is %q", answer)
	}
	const wanted = "POST /v1/models/smollm2/stream"
	if got := <-asked; got != wanted {
		t.Errorf("the page asked for %s", got)
	}

	cut.Store(true)
	p.do(t, chromedp.Click(chromedp.ID("new")))
	ask(t, p, "Tell me a story about a river.")
	p.wait(t, ended)
	if got := eval[string](t, p, `document.querySelector(".turn:last-child").dataset.state`); got != "cut" {
		t.Errorf("an answer that was cut is %s", got)
	}
	if got := <-asked; got != wanted {
		t.Errorf("the page asked for %s", got)
	}
}
