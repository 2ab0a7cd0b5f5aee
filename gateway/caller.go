package gateway

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"penstock/engine"
)

const keyCaller = "caller"

// identify is the middleware that determines the caller, once for the whole request: gate, streams,
// metrics and log use the same caller. As there are no keys yet, a caller is an address.
func identify(c *gin.Context) {
	c.Set(keyCaller, engine.Caller{Name: addressName(c.Request.RemoteAddr)})
}

// callerOf returns the request's caller.
func callerOf(c *gin.Context) engine.Caller {
	caller, _ := c.MustGet(keyCaller).(engine.Caller)
	return caller
}

// addressName returns the name of the caller at a remote address: an IPv4 address, or the /64 that
// an IPv6 address is in, as one host or one site has all of that.
func addressName(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil { // not of a network with IP addresses
		return remote
	}
	ip := a.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	site, err := ip.Prefix(64)
	if err != nil {
		return remote
	}
	return site.String()
}
