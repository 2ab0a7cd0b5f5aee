package outbound

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"penstock/outbound/internal/http1"
)

const (
	maxHead     = 64 << 10 // bytes of the head of a response
	readBuffer  = 16 << 10 // bytes that one read takes from a burst; pages that are never filled cost nothing
	idleTimeout = 90 * time.Second
)

// transport holds the connections to one server.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newTransport returns the transport for the server at base. Up to c.Keep connections stay open
// between requests. For plaintext upstreams, which are mostly local, it is an http1.Transport,
// which takes half of net/http's memory.
func newTransport(base *url.URL, c Config, security *tls.Config, proxy *url.URL) transport {
	// A request's watchdog ends it after Connect, and says why. These limits are for dialing that
	// goes on without the request: equal ones would race the watchdog, and what they end looks cut.
	beyond := 2 * c.Connect
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: beyond, KeepAlive: 15 * time.Second}).DialContext
	}
	through := http.ProxyFromEnvironment
	switch {
	case proxy != nil:
		through = http.ProxyURL(proxy)
	case c.Proxy == ProxyNone:
		through = func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // as http.Transport wants it
	}
	if address, ok := plaintext(base, through); ok {
		return &http1.Transport{Dial: dial, Address: address, Keep: c.Keep, MaxHead: maxHead}
	}
	return &http.Transport{
		WriteBufferSize:        2 << 10, // held for as long as a response lasts; most requests fit
		ReadBufferSize:         readBuffer,
		Proxy:                  through,
		OnProxyConnectResponse: connected,
		DialContext:            dial,
		TLSClientConfig:        security,
		TLSHandshakeTimeout:    beyond,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    c.Keep,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
		// Compression would hold tokens back, so none is accepted. What is compressed all the same
		// is decompressed by Decompressed.
		DisableCompression: true,
		// Without pings one request after another would fail on a dead HTTP/2 connection.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// connected returns the error of a proxy that refuses to connect. net/http's is its status alone,
// which looks as if the server had sent it.
func connected(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
	if r.StatusCode != http.StatusOK {
		return refusedByProxy(r.StatusCode)
	}
	return nil
}

// plaintext returns the address of a server that is reached without TLS and without a proxy.
func plaintext(base *url.URL, through func(*http.Request) (*url.URL, error)) (address string, ok bool) {
	if base.Scheme != "http" || strings.ContainsFunc(base.Host, beyondASCII) { // net/http encodes such names
		return "", false
	}
	if proxy, err := through(&http.Request{URL: base}); err != nil || proxy != nil {
		return "", false
	}
	return net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), "80")), true
}

func beyondASCII(r rune) bool { return r > unicode.MaxASCII }

// Decompressed returns the response's body, decompressed.
func Decompressed(r *http.Response) (io.Reader, error) {
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		r.Header.Del("Content-Encoding")
		r.ContentLength = -1
		return &gunzip{compressed: r.Body}, nil
	default:
		return nil, fmt.Errorf("the body is encoded as %q", encoding)
	}
}

// gunzip decompresses gzip. It reads gzip's header with the first Read, as that may arrive late.
type gunzip struct {
	compressed io.Reader
	plain      *gzip.Reader
	err        error
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.plain == nil && g.err == nil {
		g.plain, g.err = gzip.NewReader(g.compressed)
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.plain.Read(p)
}
