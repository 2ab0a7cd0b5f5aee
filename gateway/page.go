package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// What browsers send in Sec-Fetch-Site for requests that no other site has caused. Pages cannot set
// headers whose names begin with Sec-.
const (
	fetchSameOrigin = "same-origin"
	fetchNone       = "none" // the reader typed the address, or opened a bookmark
)

// checkPage refuses requests that a page of another origin has caused. Origin decides where there
// is one: browsers send it with every POST, and with every GET whose response the page may read.
// They send none with the GETs of images, scripts, frames and links, which Sec-Fetch-Site tells
// apart. Clients that are no browsers send neither.
//
// Browsers send Sec-Fetch-* only over HTTPS and to loopback addresses. Elsewhere a GET that accepts
// what only pages need starts nothing; that of a script or a video cannot be told from curl's.
func (g *Gateway) checkPage(c *gin.Context, at site) *refusal {
	r := c.Request
	origin := strings.Join(r.Header["Origin"], ", ") // more than one are none that is known
	from := r.Header.Get("Sec-Fetch-Site")
	switch {
	case from == fetchSameOrigin: // even if a proxy has changed Host
		return nil
	case origin != "":
		return g.checkOrigin(origin, at)
	case from == fetchNone:
		return nil
	case from == "" && !loadedByPage(r):
		return checkAccept(c)
	case toIndex(r):
		return nil
	}
	return refuse("a page of another origin sent this without an Origin: Sec-Fetch-Site "+quoted(from)+", Sec-Fetch-Dest "+quoted(r.Header.Get("Sec-Fetch-Dest")),
		"a page of another origin (Sec-Fetch-Site %s) may only link to / here: for more it uses fetch or EventSource, and the operator lists its origin under server.cors.origins; if the page is of this server, %s",
		quoted(from), passHost)
}

// checkOrigin refuses origins that are neither that of the page itself nor allowed by the operator.
func (g *Gateway) checkOrigin(origin string, at site) *refusal {
	if g.allowedOrigin(origin) || at.hasOrigin(origin) {
		return nil
	}
	seen := "origin " + quoted(origin)
	return refuse(seen+" is neither that of "+at.header+" "+quoted(at.host)+" nor in server.cors.origins",
		"pages of %s may not call %s %s: the operator lists the origin under server.cors.origins; if the page is of this server, %s", seen, at.header, quoted(at.host), passHost)
}

// allowedOrigin reports whether the operator allows an origin: by its name, all of this machine's
// ports as http://localhost:*, all of a scheme that is not that of web pages as app://*, or all but
// null as *.
func (g *Gateway) allowedOrigin(origin string) bool {
	scheme, host, named := strings.Cut(origin, "://")
	named = named && !strings.ContainsAny(host, " ,")
	return slices.ContainsFunc(g.Origins, func(known string) bool {
		if known == origin || named && (known == "*" || known == scheme+"://*") {
			return true
		}
		withoutPort, anyPort := strings.CutSuffix(known, ":*")
		port, ok := strings.CutPrefix(origin, withoutPort)
		return anyPort && ok && (port == "" || isPort(port))
	})
}

// isPort reports whether s is a colon and a port.
func isPort(s string) bool {
	return len(s) > 1 && len(s) <= len(":65535") && s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// hasOrigin reports whether a page of the site has that origin. A page that came over HTTP is not
// of a site that uses HTTPS: anyone on the way can have written it. The reverse is a proxy that
// reports the wrong scheme, as a page that came over HTTPS cannot send requests over HTTP.
func (s site) hasOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && (s.https || u.Scheme != "http") {
		return false // applications have pages of app://localhost, too
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(s.host, port))
}

// loadedByPage reports whether a request without Sec-Fetch-Site has other such headers of a page
// that loads something or follows a link. Node's fetch sends only Sec-Fetch-Mode, as cors.
func loadedByPage(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return mode != "" && mode != "cors" && mode != "same-origin" || dest != "" && dest != "empty"
}

// toIndex reports whether a link leads to the playground, which shows itself in no frame.
func toIndex(r *http.Request) bool {
	return r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// checkAccept refuses a GET that would start a generation and accepts what only pages need: images,
// documents, styles, fonts, or media as such.
func checkAccept(c *gin.Context) *refusal {
	if !startsByGet(c) {
		return nil
	}
	for _, line := range c.Request.Header["Accept"] {
		for part := range strings.SplitSeq(line, ",") {
			media, _, _ := strings.Cut(part, ";")
			media = strings.ToLower(strings.TrimSpace(media))
			kind, _, _ := strings.Cut(media, "/")
			if !slices.Contains([]string{"image", "video", "audio", "font"}, kind) &&
				!slices.Contains([]string{"text/html", "application/xhtml+xml", "text/css"}, media) {
				continue
			}
			return refuse("a GET of a stream that accepts "+quoted(media),
				"a GET that accepts %s starts no stream here, as any page can send one: use EventSource or fetch, or accept text/event-stream", quoted(media))
		}
	}
	return nil
}

// startsByGet reports whether a request would start a generation without a body: only
// GET /v1/models/{name}/stream does.
func startsByGet(c *gin.Context) bool {
	if c.Request.Method != http.MethodGet || c.FullPath() != pathModel {
		return false
	}
	_, verb := splitVerb(c.Param("path"))
	return verb == verbStream
}
