package outbound

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

const (
	maxName      = 200     // bytes of the name of a header, or of a parameter
	maxForwarded = 8 << 10 // bytes of the values of one header that is passed on
	maxRepeated  = 16      // values of one header that is passed on
)

// hopByHop are the headers of one connection, which are never passed on (RFC 9110, 7.6.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// ofRequest are the headers that each request gets from its own URL and body.
var ofRequest = map[string]string{
	"Host":              "it is that of the URL",
	"Content-Length":    "it is that of the body",
	"Content-Type":      "it is that of the body",
	"Content-Encoding":  "it is that of the body",
	"Accept-Encoding":   "a compressed stream would hold its events back",
	"Expect":            "a body is sent at once",
	"Transfer-Encoding": "it is that of the body",
	"Last-Event-Id":     "it is for streams of this gateway",
}

// DefaultForward returns the headers of clients that are passed on unless the configuration names
// others.
func DefaultForward() []string {
	return []string{"traceparent", "tracestate", "Idempotency-Key", "OpenAI-Beta", "anthropic-beta", "anthropic-version"}
}

// CheckForward returns what is wrong with a header's name in a list for Forward, "" if it may be
// there.
func CheckForward(name string) (problem string) {
	if !isToken(name) {
		return notAName(name)
	}
	if reason := whyNot(name); reason != "" {
		return fmt.Sprintf("has %s, which cannot be passed on: %s", name, reason)
	}
	return ""
}

// Forward returns those headers of a client's request that allow names, in any case, with all their
// values in order. What belongs to a connection is never among them. A header of more than 16
// values or 8 KiB is left out as a whole.
func Forward(client http.Header, allow []string) http.Header {
	out := http.Header{}
	named := namedByConnection(client)
	for _, name := range allow {
		name = textproto.CanonicalMIMEHeaderKey(name)
		values := client[name]
		if len(values) == 0 || CheckForward(name) != "" || slices.Contains(named, name) || len(values) > maxRepeated || tooLong(values) {
			continue
		}
		out[name] = slices.Clone(values)
	}
	return out
}

// EndToEnd returns a client's headers without those that belong to its connection. The values are
// those of the client's header itself.
func EndToEnd(client http.Header) http.Header {
	out := maps.Clone(client)
	for _, name := range namedByConnection(client) {
		delete(out, name)
	}
	for _, name := range hopByHop {
		delete(out, name)
	}
	return out
}

// namedByConnection returns the headers that belong to the connection as Connection names them.
func namedByConnection(h http.Header) (names []string) {
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}

func tooLong(values []string) bool {
	n := 0
	for _, v := range values {
		n += len(v)
	}
	return n > maxForwarded
}

// checkHeader reports what is wrong with a header of a configuration, without its value.
func checkHeader(name, value string, report func(key, problem string)) {
	switch reason := whyNot(name); {
	case !isToken(name):
		report("headers", notAName(name))
	case reason != "":
		report("headers."+name, "cannot be set: "+reason)
	case value == "" || value != strings.TrimSpace(value) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
		report("headers."+name, "has a value that no header can have: it must be visible ASCII characters, and spaces only between them")
	}
}

func notAName(name string) string {
	return fmt.Sprintf("has %.60q, which is no name of a header: names are letters, digits and -", name)
}

// whyNot returns why a header must not be in a configuration, "" if it may be.
func whyNot(name string) (reason string) {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	reason, ok := ofRequest[canonical]
	switch {
	case ok:
	case canonical == "Proxy-Authorization":
		reason = "a proxy's user and password are in its URL, the key proxy"
	case slices.Contains(hopByHop, canonical):
		reason = "it belongs to one connection"
	}
	return reason
}

// isToken reports whether a text can be a header's name (RFC 9110, 5.6.2).
func isToken(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
	return name != "" && len(name) <= maxName && strings.Trim(name, allowed) == "" // what is not allowed stays
}

// publicHeaders hold no secrets, whatever their values are.
var publicHeaders = []string{"Accept", "Accept-Language", "User-Agent"}

// headerSecrets returns what of a header's value must not be shown: all of it, a credential without
// its scheme, and the password in it.
func headerSecrets(name, value string) []string {
	if slices.Contains(publicHeaders, textproto.CanonicalMIMEHeaderKey(name)) {
		return nil
	}
	scheme, credential, _ := strings.Cut(value, " ")
	secrets := []string{value, credential}
	if strings.EqualFold(scheme, "Basic") {
		if plain, err := base64.StdEncoding.DecodeString(credential); err == nil {
			_, password, _ := strings.Cut(string(plain), ":")
			secrets = append(secrets, string(plain), password)
		}
	}
	return secrets
}
