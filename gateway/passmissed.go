package gateway

import (
	"fmt"
	"net/http"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
)

// notPassed returns how a request below /v1 could be passed through, or why it cannot be, to end a
// message with.
func notPassed(r *http.Request) string {
	path, plain := dialect.PassPath(r.URL.EscapedPath())
	part, never := dialect.NeverPassed(r.URL.Path)
	switch {
	case never:
		return fmt.Sprintf(". Routes with %s in their path are never passed through to upstreams: what is there belongs to all clients of an upstream's key", quoted(part))
	case !plain:
		return ". A path that is passed through to an upstream has neither empty parts nor dot segments nor escapes"
	}
	route := path
	if first, _, deeper := strings.Cut(path, "/"); deeper {
		route = first + "/*"
	}
	if _, err := dialect.ParsePassRoute(route); err != nil {
		return ""
	}
	return fmt.Sprintf(". A model of kind openai passes further routes of its upstreams through if its operator lists them, as in pass: [%s]", apierr.Shorten(route))
}

// webSocket returns the error of a request for a WebSocket, nil if it is for none.
func webSocket(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return nil
	}
	return &apierr.Error{
		Code: apierr.CodeNotFound, Reason: "no_websockets",
		Message: fmt.Sprintf("there is no WebSocket at %s: this server has none, and passes none through. It streams by Server-Sent Events: request \"stream\": true, as of /v1/chat/completions or /v1/responses", quotedPath(r)),
	}
}
