package configs

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
)

// Origin is what a browser sends as Origin: scheme://host or scheme://host:port. The port of this
// machine's own names may be *, for development servers. Pages of extensions and applications have
// schemes of their own, and all of such a scheme may be listed as scheme://*, since the host may be
// another one in each installation. AnyOrigin is every origin but NullOrigin.
type Origin string

// AnyOrigin is every origin that has a name. NullOrigin is what browsers send for pages that have
// none, as a file or a frame in a sandbox, and must be listed by itself: any page can have it.
const (
	AnyOrigin  Origin = "*"
	NullOrigin Origin = "null"
)

// Wide reports whether the origin stands for arbitrary pages.
func (o Origin) Wide() bool { return o == AnyOrigin || o == NullOrigin }

// ownScheme is the origin of a page of an extension or an application. Its host is kept as it is:
// browsers put only that of http and https into lower case.
var ownScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://(\*|[A-Za-z0-9._-]+(:[0-9]{1,5})?)$`)

// UnmarshalText parses an origin.
func (o *Origin) UnmarshalText(text []byte) error {
	switch scheme, _, _ := strings.Cut(string(text), "://"); {
	case Origin(text).Wide(), string(text) == "file://", // what Electron sends
		scheme != "http" && scheme != "https" && ownScheme.Match(text):
		*o = Origin(text)
		return nil
	}
	return o.unmarshalHTTP(string(text))
}

// unmarshalHTTP parses an http or https origin.
func (o *Origin) unmarshalHTTP(text string) error {
	origin, anyPort := strings.CutSuffix(text, ":*")
	u, ok := parseHTTP(origin)
	if !ok || u.Path != "" || anyPort && u.Port() != "" {
		return errors.New("must be one origin such as https://app.example.com or chrome-extension://abc, without a path, or * for all")
	}
	host := canonicalHost(u.Hostname())
	if anyPort && !Address(net.JoinHostPort(host, "0")).Loopback() {
		return errors.New("may have any port (*) only on this machine, as in http://localhost:*")
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port := u.Port(); port != "" && port != defaultPort(u.Scheme) {
		host += ":" + port
	}
	if anyPort {
		host += ":*"
	}
	*o = Origin(u.Scheme + "://" + host)
	return nil
}

// checkOrigins refuses the origins that stand for arbitrary pages, unless keys are needed or the
// configuration allows every request: any page that a browser opens could use the models.
func (d *decoder) checkOrigins(cors *CORS) {
	if cors == nil {
		return
	}
	for _, way := range []string{"auth.keys", "auth.keys_file", "auth.jwt", "auth.mode"} {
		if _, ok := d.positions[way]; ok {
			return
		}
	}
	for i, origin := range cors.Origins {
		if origin.Wide() {
			path := fmt.Sprintf("server.cors.origins[%d]", i)
			d.problem(d.positionOf(path), path, "%s lets any web page that is opened in a browser here use the models, "+
				"and no key is needed: list the pages, or require keys with auth: {keys: […]}, "+
				"or allow all requests with auth: {mode: none}", origin)
		}
	}
}
