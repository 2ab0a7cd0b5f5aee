package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
	"golang.org/x/net/idna"
)

// errNotAllowed is the error of a dial that was refused.
var errNotAllowed = errors.New("address is not allowed")

// azureWireServer is the address of a platform service in every Azure virtual machine. It is in a
// public range, but leads inside.
var azureWireServer = netip.MustParsePrefix("168.63.129.16/32")

// A guard decides which addresses may be dialled.
type guard struct {
	allow, deny rules
	public      *ssrf.Guardian // public addresses, ports 80 and 443
}

func newGuard(allow, deny []string) (guard, error) {
	a, err := parseRules(allow)
	if err != nil {
		return guard{}, fmt.Errorf("allow: %w", err)
	}
	d, err := parseRules(deny)
	if err != nil {
		return guard{}, fmt.Errorf("deny: %w", err)
	}
	return guard{a, d, ssrf.New(ssrf.WithDeniedV4Prefixes(azureWireServer))}, nil
}

// control returns a function that net.Dialer calls once the name is resolved and the socket
// created, before it connects: no later result of the resolver can change the decision. host is the
// name in the address.
func (g guard) control(host string) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, conn syscall.RawConn) error {
		dialled, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %w", errNotAllowed, err)
		}
		dialled = netip.AddrPortFrom(dialled.Addr().Unmap(), dialled.Port())
		// No range contains an address with a zone, and no public address has one.
		plain := dialled.Addr().WithZone("")
		switch {
		case g.deny.host(host), g.deny.address(plain):
			return fmt.Errorf("%w: %s at %s is denied", errNotAllowed, host, dialled)
		case g.allow.host(host), g.allow.address(plain):
			return nil
		}
		if err := g.public.SafeAddrPort(dialled); err != nil {
			return fmt.Errorf("%w: %w", errNotAllowed, err)
		}
		if isISATAP(dialled.Addr()) {
			return fmt.Errorf("%w: %s leads to an IPv4 address", errNotAllowed, dialled)
		}
		return nil
	}
}

// isISATAP reports whether an address is one of ISATAP (RFC 5214): below any prefix, also a public
// one, its last 64 bits are 0000:5efe or 0200:5efe and an IPv4 address, which a router of that
// prefix passes the packets on to. All other forms of IPv4 addresses in IPv6 ones (mapped,
// compatible, translated, NAT64, 6to4, Teredo) have prefixes of their own, which are not public.
func isISATAP(a netip.Addr) bool {
	b := a.As16()
	const ownBits = 0x03 // of the first byte: universal or local, group or individual
	return a.Is6() && b[8]&^ownBits == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// rules name hosts and ranges of addresses.
type rules struct {
	hosts    map[string]bool
	prefixes []netip.Prefix
}

func parseRules(entries []string) (rules, error) {
	r := rules{hosts: make(map[string]bool)}
	for _, entry := range entries {
		if addr, err := netip.ParseAddr(entry); err == nil {
			addr = addr.Unmap().WithZone("")
			r.prefixes = append(r.prefixes, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		if strings.Contains(entry, "/") {
			prefix, err := netip.ParsePrefix(entry)
			if err != nil {
				return rules{}, fmt.Errorf("%q is not a CIDR", entry)
			}
			if prefix.Addr().Is4In6() && prefix.Bits() >= 96 { // what is dialled is compared as IPv4
				prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
			}
			r.prefixes = append(r.prefixes, prefix)
			continue
		}
		if entry == "" || strings.ContainsAny(entry, ":*@ ") {
			return rules{}, fmt.Errorf("%q is not a host, an IP address or a CIDR", entry)
		}
		r.hosts[canonicalHost(entry)] = true
	}
	return r, nil
}

func (r rules) host(name string) bool { return r.hosts[name] }

func (r rules) address(a netip.Addr) bool {
	for _, p := range r.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// canonicalHost returns a host in one form, however it was written: names as they are looked up
// (xn--…), in lower case and without a dot at the end; addresses in their shortest form.
func canonicalHost(host string) string {
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().WithZone("").String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
