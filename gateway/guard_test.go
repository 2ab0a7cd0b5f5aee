package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"penstock/gateway"
)

// forwarded is a request that a proxy has passed on.
func forwarded(peer, hostname, origin string, headers ...string) *http.Request {
	r := request("POST", countedStream, "{}", headers...)
	r.RemoteAddr, r.Host = peer, hostname
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestHostsAndProxies(t *testing.T) {
	const trusted, stranger = "10.0.0.7:4711", "192.0.2.1:4711"
	const xHost, xProto = "X-Forwarded-Host", "X-Forwarded-Proto"
	for _, c := range []struct {
		name    string
		passes  bool
		request *http.Request
	}{
		{"the public name", true, forwarded(stranger, "chat.example", "https://chat.example")},
		{"with a port", true, forwarded(stranger, "chat.example:8443", "https://chat.example:8443")},
		{"with the default port", true, forwarded(stranger, "chat.example:443", "https://chat.example")},
		{"a proxy that has dropped the port", false, forwarded(stranger, "chat.example", "https://chat.example:8443")},
		{"a proxy's own name for us", false, forwarded(stranger, "penstock", "https://chat.example")},
		{"X-Forwarded-Host of a trusted proxy", true, forwarded(trusted, "penstock", "https://chat.example", xHost, "chat.example")},
		{"of a trusted proxy by IPv4 in IPv6", true, forwarded("[::ffff:10.0.0.7]:4711", "penstock", "https://chat.example", xHost, "chat.example")},
		{"with a port, of a trusted proxy", true, forwarded(trusted, "penstock", "https://chat.example:8443", xHost, "chat.example:8443")},
		{"of a proxy that appends", true, forwarded(trusted, "penstock", "https://chat.example", xHost, "rebound.example, chat.example")},
		{"of a client of a proxy that appends", false, forwarded(trusted, "penstock", "https://chat.example", xHost, "chat.example, rebound.example")},
		{"of a peer that is not trusted", false, forwarded(stranger, "penstock", "https://chat.example", xHost, "chat.example")},
		{"of a peer without an address", false, forwarded("@", "penstock", "https://chat.example", xHost, "chat.example")},
		{"a foreign one of a trusted proxy", false, forwarded(trusted, "chat.example", "", xHost, "rebound.example")},
		{"an empty one of a trusted proxy", true, forwarded(trusted, "chat.example", "https://chat.example", xHost, "")},
		{"a page over HTTP of a site that uses HTTPS", false, forwarded(trusted, "chat.example", "http://chat.example", xProto, "https")},
		{"a page over HTTPS of such a site", true, forwarded(trusted, "chat.example", "https://chat.example", xProto, "https")},
		{"a page over HTTPS behind two proxies", true, forwarded(trusted, "chat.example", "https://chat.example", xProto, "http")},
		{"a scheme of a peer that is not trusted", true, forwarded(stranger, "chat.example", "http://chat.example", xProto, "https")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var started atomic.Int64
			s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) {
				o.Hosts = []string{"chat.example"}
				o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			})
			if w := s.record(c.request); (w.Code == http.StatusOK) != c.passes || (started.Load() == 1) != c.passes {
				t.Errorf("%d, %d generations: %s", w.Code, started.Load(), w.Body)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// With keys, a page whose name was rebound has none. Its Origin counts as before.
func TestAnyHostMayBeServed(t *testing.T) {
	var started atomic.Int64
	s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) { o.AnyHost = true })
	if w := s.record(host(request("POST", countedStream, "{}"), "any.example")); w.Code != http.StatusOK {
		t.Errorf("any Host: %d %s", w.Code, w.Body)
	}
	if w := s.record(host(request("POST", countedStream, "{}", "Origin", "https://evil.example"), "any.example")); w.Code != http.StatusForbidden {
		t.Errorf("a foreign Origin: %d %s", w.Code, w.Body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A refusal names what was seen, in the response and in the log, and pages can read it.
func TestRefusalsCanBeRead(t *testing.T) {
	long := "https://" + strings.Repeat("a", 5000) + ".example"
	for _, c := range []struct {
		name    string
		request *http.Request
		texts   []string
		log     string
	}{
		{
			"a Host", host(request("POST", chatPath, "{}"), "penstock:8080"),
			[]string{`Host "penstock:8080"`, "server.hosts", "proxy_set_header Host $http_host", "proxy_pass", "$host lacks the port", "server.trusted_proxies"},
			`forbidden: Host "penstock:8080" is not in server.hosts`,
		},
		{
			"an Origin", request("POST", chatPath, "{}", "Origin", "http://box:8080"),
			[]string{`origin "http://box:8080"`, `Host "localhost"`, "server.cors.origins", "proxy_set_header Host $http_host"},
			`forbidden: origin "http://box:8080" is neither that of Host "localhost" nor in server.cors.origins`,
		},
		{
			"a page without Origin", request("GET", countedStream, "", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Dest", "image"),
			[]string{`Sec-Fetch-Site "same-site"`, "server.cors.origins", "proxy_set_header Host $http_host"},
			`forbidden: a page of another origin sent this without an Origin: Sec-Fetch-Site "same-site", Sec-Fetch-Dest "image"`,
		},
		{
			"a link over HTTP", request("GET", countedStream, "", "Accept", acceptHTML),
			[]string{`accepts "text/html"`, "text/event-stream"},
			`forbidden: a GET of a stream that accepts "text/html"`,
		},
		{
			"an Origin that would break lines", request("POST", chatPath, "{}", "Origin", "x\u2028\x1b[31m\xff\" level=ERROR"),
			[]string{`origin "x\u2028\x1b[31m\xff\" level=ERROR"`},
			`origin "x\u2028\x1b[31m\xff\" level=ERROR" is`,
		},
		{
			"a long Origin", request("POST", chatPath, "{}", "Origin", long),
			[]string{fmt.Sprintf("%q...", long[:200])},
			fmt.Sprintf("%q... is", long[:200]),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var started atomic.Int64
			s := newServer(t, 1, 1, countedModel(&started))
			w := s.record(c.request)
			message := message(t, w)
			for _, text := range c.texts {
				if !strings.Contains(message, text) {
					t.Errorf("the message lacks %s: %s", text, message)
				}
			}
			if len(message) > 1200 {
				t.Errorf("the message has %d bytes", len(message))
			}
			h := w.Header()
			if w.Code != 403 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%d %v", w.Code, h)
			}
			_, log, _ := strings.Cut(s.log.String(), "msg=request ")
			_, log, _ = strings.Cut(log, " error=")
			line, after, _ := strings.Cut(log, "\n")
			if line, err := strconv.Unquote(line); err != nil || !strings.Contains(line, c.log) || after != "" {
				t.Errorf("the log lacks %s: %s", c.log, s.log.String())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A page that is refused a preflight cannot learn why: it gets one, and reads the refusal of the
// request itself. All other responses stay unreadable.
func TestPagesGetPreflightsAndNothingElse(t *testing.T) {
	var started atomic.Int64
	s := newServer(t, 1, 1, countedModel(&started), func(o *gateway.Options) { o.Origins = []string{"https://app.example"} })
	const evil = "https://evil.example"
	w := s.record(request("OPTIONS", chatPath, "", "Origin", evil, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"))
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "authorization,content-type" || h.Get("Access-Control-Max-Age") != "0" {
		t.Errorf("%d %v", w.Code, h)
	}
	w = s.record(request("OPTIONS", chatPath, "", "Origin", evil, "Access-Control-Request-Method", "PUT"))
	if w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight of PUT: %d %v", w.Code, w.Header())
	}
	for _, r := range []*http.Request{
		request("GET", "/healthz", "", "Origin", evil),
		request("GET", "/readyz", "", "Origin", evil),
		request("GET", "/nowhere", "", "Origin", evil),
		request("DELETE", "/v1/models", "", "Origin", evil),
		request("GET", "/", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"),
	} {
		if w := s.record(r); w.Code == 403 || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s: %d %v", r.Method, r.URL, w.Code, w.Header())
		}
	}
	if n := started.Load(); n > 0 {
		t.Errorf("%d generations", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// message returns the text of an error response in any dialect.
func message(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var e struct {
		Error struct{ Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Errorf("no error object: %s", w.Body)
	}
	return e.Error.Message
}
