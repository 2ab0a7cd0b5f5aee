package upstream

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"penstock/dialect"
)

// request is a client's request, ready for every server.
type request struct {
	expect func() dialect.Expectation
	name   string // what the * of the model's name matched, if it is a pattern
	path   string // of the endpoint, below a server's base URL
	body   dialect.Body
	stream bool // the response is requested as events

	credential string              // the client's own key; may be empty
	header     forwarding          // headers of the client's
	pass       dialect.Passthrough // takes the head and, unless it is streamed, the body; may be nil

	passes *dialect.PassCall // passed through as it is; nil: body is posted

	gather gatherer // makes a whole response of events; nil: there are none of such a response
}

// key returns the key that is sent to a server, and whether it is the client's own.
func (r *request) key(s *server) (key string, own bool) {
	if s.ForwardAuthorization && r.credential != "" {
		return r.credential, true
	}
	return s.APIKey, false
}

// post sends the request to a server, which it asks for the usage if asks is set. It returns the
// response whatever its status is, and follows no redirections, which would be sent the key.
func (r *request) post(ctx context.Context, s *server, asks bool) (*http.Response, error) {
	out, err := r.newRequest(ctx, s, asks)
	if err != nil {
		return nil, err
	}
	key, ownKey := r.key(s)
	maps.Copy(out.Header, r.header.always)
	if ownKey {
		maps.Copy(out.Header, r.header.withKey)
	}
	if key != "" {
		out.Header["Authorization"] = []string{"Bearer " + key}
	}
	s.out.Apply(out)
	response, err := s.out.RoundTrip(out)
	if err != nil {
		return nil, fmt.Errorf("send a request to the upstream: %w", err)
	}
	response.Request = out
	return response, nil
}

// newRequest returns the request that is sent to a server, without a key and other headers.
func (r *request) newRequest(ctx context.Context, s *server, asks bool) (*http.Request, error) {
	if r.passes != nil {
		return r.newPassed(ctx, s)
	}
	url := strings.TrimRight(s.BaseURL, "/") + r.path
	out, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(r.body.For(s.model(r.name), asks)))
	if err != nil {
		return nil, fmt.Errorf("make a request to the upstream: %w", err)
	}
	out.Header = http.Header{
		"Accept":       {"application/json"},
		"Content-Type": {"application/json"},
		"User-Agent":   {"penstock"},
	}
	if r.stream {
		out.Header["Accept"] = []string{"text/event-stream"}
		out.Header["Cache-Control"] = []string{"no-cache"}
		out.Header["Connection"] = []string{"keep-alive"}
	}
	return out, nil
}
