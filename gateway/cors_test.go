package gateway_test

import (
	"sync/atomic"
	"testing"

	"penstock/gateway"
)

// Origins have any scheme, and * is all of them but null. It is for pages that say where they are
// from, and for those only.
func TestWhichOriginsMayCall(t *testing.T) {
	const extension, obsidian, page = "chrome-extension://abcdefghijklmnop", "app://obsidian.md", "https://evil.example"
	for _, c := range []struct {
		listed []string
		origin string
		passes bool
	}{
		{[]string{extension}, extension, true},
		{[]string{extension}, "chrome-extension://another", false},
		{[]string{extension}, "moz-extension://abcdefghijklmnop", false},
		{[]string{obsidian}, obsidian, true},
		{[]string{obsidian}, "app://obsidian.md.evil", false},
		{[]string{"app://*"}, "app://anything", true},
		{[]string{"app://*"}, "app2://anything", false},
		{[]string{"app://*"}, page, false},
		{[]string{"app://*"}, "app://a, " + page, false},
		{[]string{"file://"}, "file://", true},
		{[]string{"null"}, "null", true},
		{[]string{"null"}, page, false},
		{[]string{"*"}, page, true},
		{[]string{"*"}, extension, true},
		{[]string{"*"}, "null", false},
		{[]string{"*"}, "nonsense", false},
		{[]string{"*", "null"}, "null", true},
	} {
		var started atomic.Int64
		s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) { o.Origins = c.listed })
		w := s.record(request("POST", countedStream, "{}", "Origin", c.origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"))
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if passed := w.Code == 200; passed != c.passes || (started.Load() == 1) != c.passes || passed && allowed != c.origin || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%v, %s: %d %v %s", c.listed, c.origin, w.Code, w.Header(), w.Body)
		}
		w = s.record(request("OPTIONS", countedStream, "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true"))
		if h := w.Header(); (h.Get("Access-Control-Max-Age") == "600") != c.passes || (h.Get("Access-Control-Allow-Private-Network") == "true") != c.passes || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("the preflight of %v, %s: %d %v", c.listed, c.origin, w.Code, h)
		}
		// What a page loads without an Origin starts nothing, whatever is listed.
		before := started.Load()
		for _, dest := range []string{"image", "script", "iframe", "empty"} {
			if w := s.record(request("GET", countedStream, "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", dest)); w.Code != 403 {
				t.Errorf("%v, %s: %d %s", c.listed, dest, w.Code, w.Body)
			}
		}
		if w := s.record(host(request("POST", countedStream, "{}", "Origin", "http://rebound.example"), "rebound.example")); w.Code != 403 {
			t.Errorf("%v, a rebound name: %d %s", c.listed, w.Code, w.Body)
		}
		if started.Load() != before {
			t.Errorf("%v: %d generations", c.listed, started.Load())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
