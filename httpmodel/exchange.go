package httpmodel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"penstock/failover"
	"penstock/outbound"
)

// endpoint is an Endpoint in use.
type endpoint struct {
	model   *model
	config  *Endpoint
	streams bool
	servers []*server // by their index
	pool    *failover.Pool
}

// server is a Server in use.
type server struct {
	url *url.URL
	out *outbound.Server
}

func (m *model) endpoint(c *Endpoint, streams bool) (*endpoint, error) {
	e := &endpoint{model: m, config: c, streams: streams}
	f := failover.Config{
		Model: m.config.Name, FailoverAfter: m.config.Timeouts.FailoverAfter, Total: m.config.Timeouts.Total,
		Observer: m.config.Observer, Log: m.config.Log,
	}
	for i, s := range c.Servers {
		to, err := url.Parse(s.URL)
		if err != nil {
			return nil, fmt.Errorf("server %s: its URL is no URL", s.Name)
		}
		connection := c.Connection
		connection.Connect = m.config.Timeouts.Connect
		connection.Keep = keptConnections
		out, err := outbound.New(s.URL, connection)
		if err != nil {
			return nil, fmt.Errorf("server %s: %w", s.Name, err)
		}
		e.servers = append(e.servers, &server{url: to, out: out})
		f.Servers = append(f.Servers, failover.Server{Name: s.Name, Priority: i + 1, Weight: 1})
	}
	e.pool = failover.New(f)
	return e, nil
}

// run calls attempt for servers until one has succeeded.
func (e *endpoint) run(ctx context.Context, attempt func(context.Context, *failover.Sequence) *failover.Failure) *failover.Failure {
	return (&failover.Attempts{Pool: e.pool, Streamed: e.streams}).Run(ctx, attempt)
}

// keptConnections is how many idle connections to one server stay open at most.
const keptConnections = 64

// close closes the connections; e may be nil.
func (e *endpoint) close() {
	if e == nil {
		return
	}
	for _, s := range e.servers {
		s.out.CloseIdleConnections()
	}
}

// exchange is one request to a server, and its response with a status of success, whose body has
// not been read yet.
type exchange struct {
	endpoint *endpoint
	server   *server
	ctx      context.Context // it lives for one exchange
	watchdog *failover.Watchdog
	head     *http.Response
	body     io.Reader // decompressed
	framed   bool      // HTTP shows where the body ends
	secrets  outbound.Secrets
}

// send sends a step's input to a server. accept is the media type that is requested. The caller
// closes the exchange.
func (e *endpoint) send(ctx context.Context, q *failover.Sequence, in *payload, accept string) (*exchange, *failover.Failure) {
	t := e.model.config.Timeouts
	x := &exchange{endpoint: e, server: e.servers[q.Server()]}
	x.secrets = x.server.out.Secrets()
	if key := in.header.Get("Authorization"); key != "" {
		_, credential, _ := strings.Cut(key, " ")
		x.secrets = x.secrets.With(key).With(credential)
	}
	ctx, x.watchdog = q.Watch(ctx, t.Connect)
	x.ctx = ctx
	limit, cause := e.config.Timeout, failover.NoWhole
	if e.streams {
		limit, cause = t.FirstToken, failover.NoFirstChunk
	}
	var f *failover.Failure
	x.head, f = x.watchdog.Send(ctx, limit, cause, func(ctx context.Context) (*http.Response, error) { //nolint:bodyclose // by close
		r, err := x.request(ctx, in, accept)
		if err != nil {
			return nil, err
		}
		return x.server.out.RoundTrip(r) //nolint:wrapcheck // the caller wraps it
	})
	if f != nil {
		x.watchdog.Stop()
		return nil, x.redact(f)
	}
	x.framed = outbound.Framed(x.head)
	var err error
	if x.body, err = outbound.Decompressed(x.head); err != nil {
		f = failover.Malformed("%w", err)
	} else if status := x.head.StatusCode; status < 200 || status > 299 {
		f = x.rejected()
	} else if status == http.StatusPartialContent {
		f = failover.Malformed("a part of a response (status %d), which was not requested", status)
	}
	if f != nil {
		x.close()
		return nil, x.redact(f)
	}
	return x, nil
}

// request returns the request that sends in.
func (x *exchange) request(ctx context.Context, in *payload, accept string) (*http.Request, error) {
	e, to := x.endpoint, *x.server.url
	if e.config.Method != http.MethodGet {
		in = in.asBody()
	}
	to.RawQuery = in.query.Encode()
	var body io.Reader
	if len(in.body) > 0 {
		body = bytes.NewReader(in.body)
	}
	r, err := http.NewRequestWithContext(ctx, e.config.Method, to.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make a request to the upstream: %w", err)
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("User-Agent", "penstock")
	maps.Copy(r.Header, in.header) // of which the configuration may list any
	if in.mediaType != "" && body != nil {
		r.Header.Set("Content-Type", in.mediaType)
	}
	x.server.out.Apply(r)
	return r, nil
}

// close ends the exchange, if it has not ended.
func (x *exchange) close() {
	x.watchdog.Stop()
	x.head.Body.Close()
}
