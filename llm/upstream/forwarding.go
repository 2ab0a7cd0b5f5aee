package upstream

import (
	"net/http"

	"penstock/dialect"
	"penstock/outbound"
)

// forwarding are the headers of a client's request that are passed on.
type forwarding struct {
	always  http.Header
	withKey http.Header // with the client's own key
}

// ofAccount are the headers that say to which account of the key's owner a request belongs. With
// the gateway's key they would let clients choose among its accounts.
func ofAccount() []string { return []string{"OpenAI-Organization", "OpenAI-Project"} }

func (m *model) forwarding(c *dialect.Call) forwarding {
	if len(c.Header) == 0 {
		return forwarding{}
	}
	if m.config.ForwardHeaders != nil {
		return forwarding{always: outbound.Forward(c.Header, m.config.ForwardHeaders)}
	}
	return forwarding{outbound.Forward(c.Header, outbound.DefaultForward()), outbound.Forward(c.Header, ofAccount())}
}
