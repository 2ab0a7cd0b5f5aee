package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"penstock/engine"
	"penstock/gateway"
	"penstock/test/testmodel"
)

const countedStream = "/v1/models/counted/stream"

// countedModel adds a model that counts its generations.
func countedModel(started *atomic.Int64) func(*engine.Engine) {
	return func(e *engine.Engine) {
		testmodel.AddGenerator(e, "counted", func(context.Context, func(...string) error) (testmodel.End, error) {
			started.Add(1)
			return testmodel.Stopped(), nil
		})
	}
}

// What browsers send as Accept.
const (
	acceptImage = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
	acceptHTML  = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
	acceptCSS   = "text/css,*/*;q=0.1"
	acceptVideo = "video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5"
)

// These are requests as browsers and other clients send them.
func TestAPageOfAnotherOriginStartsNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		passes  bool
		request *http.Request
	}{
		{"curl", true, request("GET", countedStream, "", "Accept", "*/*")},
		{"curl, POST", true, request("POST", countedStream, "{}")},
		{"a client without Accept", true, request("GET", countedStream, "")},
		{"Node's fetch", true, request("POST", countedStream, "{}", "Sec-Fetch-Mode", "cors", "Accept", "application/json")},
		{"the playground", true, request("POST", countedStream, "{}", "Origin", "http://localhost", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")},
		{"the playground's EventSource", true, request("GET", countedStream, "", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "text/event-stream")},
		{"an EventSource over HTTP", true, request("GET", countedStream, "", "Accept", "text/event-stream")},
		{"the address bar", true, request("GET", countedStream, "", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", acceptHTML)},
		{"behind a proxy that changes Host", true, request("POST", countedStream, "{}", "Origin", "https://chat.example", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors")},
		{"an allowed page", true, request("POST", countedStream, "{}", "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")},
		{"a development server", true, request("POST", countedStream, "{}", "Origin", "http://127.0.0.1:5173")},
		{"a development server on port 80", true, request("POST", countedStream, "{}", "Origin", "http://127.0.0.1")},

		{"an image", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", acceptImage)},
		{"an image of the same site", false, request("GET", countedStream, "", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", acceptImage)},
		{"an image of an allowed page", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", acceptImage, "Referer", "https://app.example/")},
		{"a script", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script", "Accept", "*/*")},
		{"a frame", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Accept", acceptHTML)},
		{"a link", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1", "Accept", acceptHTML)},
		{"a no-cors fetch", false, request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*")},
		{"a no-cors POST", false, request("POST", countedStream, "{}", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Content-Type", "text/plain")},
		{"a form", false, request("POST", countedStream, "{}", "Origin", "https://evil.example", "Content-Type", "text/plain")},
		{"a form in a sandbox", false, request("POST", countedStream, "{}", "Origin", "null", "Content-Type", "text/plain")},
		{"an EventSource", false, request("GET", countedStream, "", "Origin", "https://evil.example", "Accept", "text/event-stream")},
		{"an extension", false, request("POST", countedStream, "{}", "Origin", "chrome-extension://abcdefghijklmnop")},
		{"an application whose host is ours", false, request("POST", countedStream, "{}", "Origin", "app://localhost")},
		{"two origins", false, twice(request("POST", countedStream, "{}", "Origin", "http://localhost"), "Origin", "https://evil.example")},
		{"an origin that begins as an allowed one", false, request("POST", countedStream, "{}", "Origin", "http://127.0.0.1:5173.evil.example")},
		{"an origin with the name of an allowed one as user", false, request("POST", countedStream, "{}", "Origin", "http://127.0.0.1:5173@evil.example")},
		{"an origin with an allowed one's letters for a port", false, request("POST", countedStream, "{}", "Origin", "http://127.0.0.1:")},
		{"only a destination", false, request("GET", countedStream, "", "Sec-Fetch-Dest", "image")},
		{"only a mode", false, request("GET", countedStream, "", "Sec-Fetch-Mode", "no-cors")},
		{"an image over HTTP", false, request("GET", countedStream, "", "Accept", acceptImage)},
		{"an image over HTTP in capitals", false, request("GET", countedStream, "", "Accept", "*/*, IMAGE/PNG ;q=0")},
		{"a second line of Accept", false, twice(request("GET", countedStream, "", "Accept", "*/*"), "Accept", "text/html")},
		{"a link over HTTP", false, request("GET", countedStream, "", "Accept", acceptHTML)},
		{"a stylesheet over HTTP", false, request("GET", countedStream, "", "Accept", acceptCSS)},
		{"a video over HTTP", false, request("GET", countedStream, "", "Accept", acceptVideo)},
		{"a name with a slash", false, request("GET", "/v1/models/org/counted/stream", "", "Accept", acceptImage)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var started atomic.Int64
			s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) {
				o.Origins = []string{"https://app.example", "http://127.0.0.1:*"}
			})
			w := s.record(c.request)
			if passed := w.Code != http.StatusForbidden; passed != c.passes || (started.Load() == 1) != c.passes {
				t.Errorf("%d, %d generations: %s", w.Code, started.Load(), w.Body)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func twice(r *http.Request, header, value string) *http.Request {
	r.Header.Add(header, value)
	return r
}

// Every combination of the headers has one outcome, and what is refused starts nothing.
func TestEveryCombinationOfAPagesHeaders(t *testing.T) {
	var started atomic.Int64
	s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) { o.Origins = []string{"https://app.example"} })
	routes := []struct {
		method, path string
		starts       bool
	}{
		{"GET", "/", false},
		{"GET", "/v1/models", false},
		{"GET", "/js/app.js", false},
		{"GET", countedStream, true},
		{"POST", countedStream, true},
	}
	expect := func(method, path, origin, site, mode, dest, accept string) bool {
		byPage := strings.Contains(accept, "image/") || strings.Contains(accept, "text/html")
		switch {
		case site == "same-origin":
			return true
		case origin != "":
			return origin == "http://localhost" || origin == "https://app.example"
		case site == "none":
			return true
		case site == "" && slices.Contains([]string{"", "cors", "same-origin"}, mode) && slices.Contains([]string{"", "empty"}, dest):
			return method+path != "GET"+countedStream || !byPage
		default:
			return path == "/" && mode == "navigate" && dest == "document"
		}
	}
	tried := 0
	for _, route := range routes {
		for _, origin := range []string{"", "http://localhost", "https://app.example", "https://evil.example", "null"} {
			for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site", "unheard-of"} {
				for _, mode := range []string{"", "cors", "same-origin", "no-cors", "navigate", "websocket"} {
					for _, dest := range []string{"", "empty", "document", "iframe", "image", "script", "video"} {
						for _, accept := range []string{"", "*/*", "text/event-stream", acceptImage, acceptHTML} {
							r := request(route.method, route.path, "{}")
							for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest, "Accept": accept} {
								if value != "" {
									r.Header.Set(name, value)
								}
							}
							before := started.Load()
							passed := s.record(r).Code == http.StatusOK
							want := expect(route.method, route.path, origin, site, mode, dest, accept)
							if passed != want || (started.Load() > before) != (want && route.starts) {
								t.Fatalf("%s %s %v: passed: %t, %d generations", route.method, route.path, r.Header, passed, started.Load()-before)
							}
							tried++
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", tried)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
