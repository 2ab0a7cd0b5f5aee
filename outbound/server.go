package outbound

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Server is one server, with the connections to it. Its methods may be called from many goroutines.
type Server struct {
	transport transport
	headers   http.Header
	query     url.Values
	secrets   Secrets
}

// New returns the server at the URL base, whose path and query do not matter. It reads the files of
// the Config, and opens no connection. The error has all problems, and no secret.
func New(base string, c Config) (*Server, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("its URL is not an http or https URL without a user") // which may hold a password
	}
	var problems []error
	security, proxy := c.open(base, func(key, problem string) { problems = append(problems, fmt.Errorf("%s %s", key, problem)) })
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s := &Server{transport: newTransport(u, c, security, proxy), headers: http.Header{}, query: url.Values{}}
	for name, value := range c.Headers {
		s.headers.Set(name, value)
		s.secrets = append(s.secrets, headerSecrets(name, value)...)
	}
	for name, value := range c.Query {
		s.query.Set(name, value)
		s.secrets = append(s.secrets, value)
	}
	if proxy != nil {
		if password, ok := proxy.User.Password(); ok {
			s.secrets = append(s.secrets, password, base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password)))
		}
	}
	s.secrets = slices.DeleteFunc(s.secrets, isPublic)
	slices.Sort(s.secrets)
	s.secrets = slices.Compact(s.secrets)
	return s, nil
}

// Apply sets the server's headers and its query in a request. What the request has of the same
// names is replaced, and the rest of its query stays as it is written.
func (s *Server) Apply(r *http.Request) {
	for name, values := range s.headers {
		r.Header[name] = values
	}
	if len(s.query) == 0 {
		return
	}
	var query []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if pair != "" && !s.query.Has(plain) && (err == nil || !s.query.Has(name)) {
			query = append(query, pair)
		}
	}
	u := *r.URL
	u.RawQuery = strings.Join(append(query, s.query.Encode()), "&")
	r.URL = &u
}

// Secrets returns what of the Config no client and no log may be shown. It is not to be changed;
// Secrets.With adds to it.
func (s *Server) Secrets() Secrets { return s.secrets }

// CloseIdleConnections closes the connections that are not in use.
func (s *Server) CloseIdleConnections() { s.transport.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper, for requests to the server. A proxy that refuses to reach
// the server is an error whose net.OpError has the Op "dial", whatever its status is: it is no
// response of the server.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := s.transport.RoundTrip(r)
	if err != nil {
		op, ok := errors.AsType[*net.OpError](err)
		if ok && (op.Op == "proxyconnect" || strings.HasPrefix(op.Op, "socks")) {
			err = proxyError(err)
		}
		return nil, err
	}
	if response.StatusCode == http.StatusProxyAuthRequired { // of a plaintext request
		response.Body.Close()
		return nil, refusedByProxy(response.StatusCode)
	}
	return response, nil
}

func proxyError(err error) error { return &net.OpError{Op: "dial", Net: "proxy", Err: err} }

func refusedByProxy(status int) error {
	text := cmp.Or(http.StatusText(status), "no status of HTTP")
	return proxyError(fmt.Errorf("the proxy refused the request with status %d (%s)", status, text))
}
