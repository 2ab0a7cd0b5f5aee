package fetch

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Many sites set a cookie, redirect, and serve the picture to the client that has it.
func TestCookiesWithinAChain(t *testing.T) {
	var seen atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("seen")
		if err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return
		}
		seen.Add(1)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte(cookie.Value))
	})
	f := newFetcher(t, Options{})
	for range 2 {
		got := ""
		if err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got = string(body); return nil }); err != nil || got != "yes" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	// Each fetch began without a cookie, and what was sent for one is not kept for others.
	if n := seen.Load(); n != 2 {
		t.Errorf("it was served %d times", n)
	}
}

// A response that is kept for all is not used in a chain with cookies, which would get another.
func TestCookiesPassTheCache(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "user", Value: "me", Path: "/"})
			http.Redirect(w, r, "/picture", http.StatusFound)
			return
		}
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write([]byte("picture " + r.Header.Get("Cookie")))
	})
	f := newFetcher(t, Options{})
	for _, c := range [][2]string{{"/picture", "picture "}, {"/login", "picture user=me"}, {"/picture", "picture "}} {
		got := ""
		if err := fetchFrom(t.Context(), f, s.URL+c[0], func(body []byte) error { got = string(body); return nil }); err != nil || got != c[1] {
			t.Errorf("%s is %q, %v", c[0], got, err)
		}
	}
}

// Cookies of one host are not sent to another, also where that redirects back.
func TestCookiesAreOfOneHost(t *testing.T) {
	cookies := make(chan string, 3)
	var first, second *httptest.Server
	first = serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies <- r.Header.Get("Cookie")
		if r.URL.Path == "/begin" {
			http.SetCookie(w, &http.Cookie{Name: "first", Value: "1", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "wide", Value: "1", Path: "/", Domain: "localhost"})
			http.Redirect(w, r, strings.Replace(second.URL, "127.0.0.1", "localhost", 1)+"/", http.StatusFound)
		}
	})
	second = serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies <- r.Header.Get("Cookie")
		http.SetCookie(w, &http.Cookie{Name: "second", Value: "2", Path: "/"})
		http.Redirect(w, r, first.URL+"/end", http.StatusFound)
	})
	f := newFetcher(t, Options{})
	if err := fetchFrom(t.Context(), f, first.URL+"/begin", ignore); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"", "", "first=1"} {
		if got := <-cookies; got != want {
			t.Errorf("it sent %q, not %q", got, want)
		}
	}
}

func TestWhichHostsGetACookie(t *testing.T) {
	for _, c := range []struct {
		from, cookie, to string
		sent             bool
	}{
		{"https://a.example.com/x", "a=1", "https://a.example.com/y", true},
		{"https://a.example.com/x", "a=1", "https://b.example.com/x", false},
		{"https://a.example.com/x", "a=1", "https://example.com/x", false},
		{"https://a.example.com/x", "a=1", "https://x.a.example.com/x", false},
		{"https://a.example.com/x", "a=1; Domain=example.com", "https://b.example.com/x", true},
		{"https://a.example.com/x", "a=1; Domain=example.com", "https://notexample.com/x", false},
		{"https://a.example.com/x", "a=1; Domain=other.com", "https://other.com/x", false},
		{"https://a.example.com/x", "a=1; Domain=b.example.com", "https://b.example.com/x", false},
		{"https://a.co.uk/x", "a=1; Domain=co.uk", "https://b.co.uk/x", false},
		{"https://a.github.io/x", "a=1; Domain=github.io", "https://b.github.io/x", false},
		{"https://a.internal/x", "a=1; Domain=internal", "https://b.internal/x", false},
		{"https://192.0.2.1/x", "a=1", "https://192.0.2.2/x", false},
		{"https://192.0.2.1/x", "a=1; Domain=0.2.1", "https://192.0.2.1.evil.com/x", false},
		{"https://a.example.com/x", "a=1; Secure", "http://a.example.com/y", false},
		{"https://a.example.com/x", "a=1; Path=/x", "https://a.example.com/y", false},
		{"https://a.example.com/x", "a=1; Max-Age=0", "https://a.example.com/y", false},
	} {
		response := &http.Response{Header: http.Header{"Set-Cookie": {c.cookie}}}
		chain := new(chain)
		chain.keep(parsed(t, c.from), response)
		if sent := len(chain.cookies(parsed(t, c.to))) > 0; sent != c.sent {
			t.Errorf("%q of %s is sent to %s: %t", c.cookie, c.from, c.to, sent)
		}
	}
}

// Redirects cannot make a chain hold more and more.
func TestCookiesAreBounded(t *testing.T) {
	c := new(chain)
	target := parsed(t, "https://example.com/")
	for i := range 100 {
		c.keep(target, &http.Response{Header: http.Header{"Set-Cookie": {"a" + strings.Repeat("b", i) + "=" + strings.Repeat("x", 1000)}}})
	}
	size := 0
	for _, cookie := range c.cookies(target) {
		size += len(cookie.Name) + len(cookie.Value)
	}
	if size > maxCookies || size < maxCookies/2 {
		t.Errorf("%d bytes are kept", size)
	}
}

func parsed(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
