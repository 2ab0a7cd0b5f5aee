package gateway

import "net/http"

// fromTrustedProxy reports whether a request comes from a proxy whose X-Forwarded headers count.
func (g *Gateway) fromTrustedProxy(r *http.Request) bool {
	peer, ok := peerAddress(r.RemoteAddr)
	return ok && g.trusts(peer)
}
