package configs

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Address is an address to listen on: host:port. An empty host means all interfaces, port 0 any
// free port.
type Address string

// UnmarshalText parses an address.
func (a *Address) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host != "" && !isIP(host) && !isHostname(host) {
		return errors.New("must be host:port, such as 127.0.0.1:8080")
	}
	*a = Address(text)
	return nil
}

// Loopback reports whether only this machine can reach the address. A host name other than
// localhost counts as reachable from others: its address is up to a resolver.
func (a Address) Loopback() bool {
	host, _, err := net.SplitHostPort(string(a))
	if err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// Hostname is a host's name in lower case, without a port or a final dot.
type Hostname string

// UnmarshalText parses a host name.
func (h *Hostname) UnmarshalText(text []byte) error {
	name := string(text)
	if isIP(name) || !isHostname(name) {
		return errors.New("must be a host name such as penstock.example.com, without scheme and port (IP addresses are served anyway)")
	}
	*h = Hostname(canonicalHost(name))
	return nil
}

// BaseURL is the http or https URL to which an API's paths are appended, without a final slash.
type BaseURL string

// UnmarshalText parses a base URL.
func (b *BaseURL) UnmarshalText(text []byte) error {
	if _, ok := parseHTTP(string(text)); !ok {
		const must = "must be an http or https URL such as https://api.openai.com/v1, without user, query or fragment"
		if strings.Contains(string(text), "?") {
			return errors.New(must + " (the key query has parameters such as api-version)")
		}
		return errors.New(must)
	}
	*b = BaseURL(strings.TrimRight(string(text), "/"))
	return nil
}

// Network is a network of IP addresses; a single address is a network of one.
type Network struct{ netip.Prefix }

// UnmarshalText parses a CIDR or an IP address.
func (n *Network) UnmarshalText(text []byte) error {
	var t Target
	if err := t.UnmarshalText(text); err != nil || t.Host != "" {
		return errors.New("must be a network such as 10.0.0.0/8, or an IP address")
	}
	n.Prefix = t.Network
	return nil
}

// Target is a network or a host by name: Host is empty exactly if Network is set.
type Target struct {
	Network netip.Prefix // a single address is a network of one
	Host    string       // in lower case
}

// UnmarshalText parses a CIDR, an IP address or a host name.
func (t *Target) UnmarshalText(text []byte) error {
	s := string(text)
	if prefix, err := netip.ParsePrefix(s); err == nil && !prefix.Addr().Is4In6() {
		*t = Target{Network: prefix.Masked()}
		return nil
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		*t = Target{Network: netip.PrefixFrom(addr, addr.BitLen())}
		return nil
	}
	if !isHostname(s) {
		return errors.New("must be a network such as 10.0.0.0/8, an IP address or a host name such as images.example.com")
	}
	*t = Target{Host: canonicalHost(s)}
	return nil
}

// String returns the network or the host, as in a file.
func (t Target) String() string {
	if t.Host != "" {
		return t.Host
	}
	return t.Network.String()
}

// hostname needs a letter in the last part, so that a mistyped IP address is not taken for a name.
var hostname = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9]*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?\.?$`)

func isHostname(s string) bool { return len(s) <= 253 && hostname.MatchString(s) }

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func canonicalHost(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// parseHTTP parses an http or https URL that has only a scheme, a host, a port and a path.
func parseHTTP(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, false
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") || !isIP(u.Hostname()) && !isHostname(u.Hostname()) {
		return nil, false
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, false
		}
	}
	return u, true
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}
