package gateway

import (
	"net/http"
	"net/netip"
	"slices"
)

// fromTrustedProxy reports whether a request comes from a proxy whose X-Forwarded headers count.
func (g *Gateway) fromTrustedProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(g.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
