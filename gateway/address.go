package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const headerForwardedFor = "X-Forwarded-For"

// clientOf returns the address of a request's client, without its port. That is its peer's or, if
// the peer is a trusted proxy, the last address in X-Forwarded-For that is no trusted proxy's:
// each proxy appends the address of its own peer, and what precedes that is the client's to
// choose. Behind the PROXY protocol the peer already is the client.
func (g *Gateway) clientOf(r *http.Request) string {
	peer, ok := peerAddress(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	forwarded := r.Header[headerForwardedFor]
	if len(forwarded) == 0 {
		return peer.String()
	}
	if !g.trusts(peer) {
		g.untrusted.Do(func() {
			g.Log.Warn(headerForwardedFor+" is ignored, as its sender is not among server.trusted_proxies. "+
				"If that is a proxy, list it there: else all its clients count as one", "peer", peer.String())
		})
		return peer.String()
	}
	client := peer
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, ok := hopAddress(strings.TrimSpace(hop))
		if !ok { // what precedes it was not written by a trusted proxy
			break
		}
		client = address
		if !g.trusts(client) {
			break
		}
	}
	return client.String()
}

// fromTrustedProxy reports whether a request comes from a proxy whose X-Forwarded headers count.
func (g *Gateway) fromTrustedProxy(r *http.Request) bool {
	peer, ok := peerAddress(r.RemoteAddr)
	return ok && g.trusts(peer)
}

// trusts reports whether an address is a trusted proxy's.
func (g *Gateway) trusts(a netip.Addr) bool { return contains(g.TrustedProxies, a) }

func contains(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// peerAddress returns the IP address of a connection's peer; false if its network has none.
func peerAddress(remote string) (netip.Addr, bool) {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	return plainAddress(a.Addr()), true
}

// hopAddress parses an address of X-Forwarded-For, to which some proxies add brackets or a port.
func hopAddress(hop string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(hop); err == nil {
		hop = host
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return plainAddress(a), err == nil
}

// plainAddress returns an address such that networks can be compared with it.
func plainAddress(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// addressName returns the name of the caller with an address: an IPv4 address, or the /64 that an
// IPv6 address is in, as one host or one site has all of that. Others stay as they are.
func addressName(client string) string {
	a, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	a = plainAddress(a)
	if a.Is4() {
		return a.String()
	}
	site, err := a.Prefix(64)
	if err != nil {
		return client
	}
	return site.String()
}
