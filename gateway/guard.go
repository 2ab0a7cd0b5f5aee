package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"penstock/apierr"

	"github.com/gin-gonic/gin"
)

// refusal is a request that guardHost does not let through: what the client reads, which names both
// cures, and the value that was seen, for the log.
type refusal struct {
	client *apierr.Error
	log    string
}

// Error returns what the log has.
func (r *refusal) Error() string { return string(r.client.Code) + ": " + r.log }

// Unwrap returns what the client gets.
func (r *refusal) Unwrap() error { return r.client }

func refuse(log, format string, args ...any) *refusal {
	return &refusal{&apierr.Error{Code: apierr.CodeForbidden, Message: fmt.Sprintf(format, args...)}, log}
}

// passHost is the cure for a proxy that changes Host.
const passHost = "a proxy in front must pass Host on as it received it (nginx: proxy_set_header Host $http_host; without that line it sends the name in proxy_pass, and $host lacks the port), or be listed under server.trusted_proxies and send X-Forwarded-Host"

// guardHost refuses requests with a Host name or from a web page that is not allowed: any page
// could otherwise reach a gateway on its reader's own machine, by DNS rebinding, with an image or
// with a form.
//
// Any page may read a refusal, else its author would see only that something failed. It holds
// nothing but what the page's own request held, and texts that are the same for all.
func (g *Gateway) guardHost(c *gin.Context) {
	at := g.siteOf(c.Request)
	r := g.checkHost(at)
	if r == nil {
		r = g.checkPage(c, at)
	}
	if r == nil {
		return
	}
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store") // it ends when the configuration changes
	h.Set("X-Content-Type-Options", "nosniff")
	g.failAny(c, r)
	c.Abort()
}

// site is where a client sent its request to, as far as is known.
type site struct {
	header string // the header that names the host
	host   string // host or host:port
	https  bool   // certainly HTTPS; false: unknown
}

// siteOf returns the request's site. A trusted proxy's X-Forwarded-Host and X-Forwarded-Proto
// decide, of several values the last one: proxies that do not replace these headers append to them.
func (g *Gateway) siteOf(r *http.Request) site {
	s := site{"Host", r.Host, r.TLS != nil}
	if len(r.Header["X-Forwarded-Host"])+len(r.Header["X-Forwarded-Proto"]) == 0 || !g.fromTrustedProxy(r) {
		return s
	}
	if host := lastValue(r.Header["X-Forwarded-Host"]); host != "" {
		s.header, s.host = "X-Forwarded-Host", host
	}
	s.https = s.https || strings.EqualFold(lastValue(r.Header["X-Forwarded-Proto"]), "https")
	return s
}

// lastValue returns the last of the values that a header lists.
func lastValue(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	last := lines[len(lines)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// checkHost refuses Host names that are not known: a page whose name was rebound to this address
// sends its own.
func (g *Gateway) checkHost(at site) *refusal {
	if g.AnyHost || g.knownHost(at.host) {
		return nil
	}
	return refuse(at.header+" "+quoted(at.host)+" is not in server.hosts",
		"%s %s is not served here: the operator lists the name under server.hosts, or %s", at.header, quoted(at.host), passHost)
}

func (g *Gateway) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil { // not a name, so no rebinding
		return true
	}
	return slices.ContainsFunc(g.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// quoted returns a client's value as messages and the log may have it: without control characters,
// and not longer than any sensible value is.
func quoted(value string) string {
	const most = 200
	if len(value) > most {
		return strconv.QuoteToASCII(value[:most]) + "..."
	}
	return strconv.QuoteToASCII(value)
}
