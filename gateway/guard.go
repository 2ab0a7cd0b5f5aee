package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"penstock/apierr"

	"github.com/gin-gonic/gin"
)

// guardHost refuses requests with a Host name or from a web page that is not allowed: any page
// could otherwise reach a gateway on its reader's own machine, by DNS rebinding or with a plain
// form.
func (g *Gateway) guardHost(c *gin.Context) {
	refuse := func(message string) {
		g.failAny(c, &apierr.Error{Code: apierr.CodeForbidden, Message: message})
		c.Abort()
	}
	if !g.knownHost(c.Request.Host) {
		refuse("this Host name is not served here; its operator lists it under server.hosts")
		return
	}
	if !g.knownOrigin(c.Request) {
		refuse("pages of this origin may not call here; the operator lists it under server.cors.origins")
	}
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

// knownOrigin reports whether a request has no Origin, or that of the page itself, or one that the
// operator allows.
func (g *Gateway) knownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.Contains(g.Origins, origin) || slices.Contains(g.Origins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
