package upstream

import (
	"cmp"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"

	"penstock/llm/upstream/internal/http1"
)

const (
	maxHead     = 64 << 10 // bytes of an answer's
	readBuffer  = 16 << 10 // bytes of a burst that one read takes; the pages nobody fills cost nothing
	idleTimeout = 90 * time.Second
)

// transport is the connections to one server.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newTransport returns the connections to the server at base. Up to keep of them stay open between requests. Where plain
// HTTP/1.1 will do, as it mostly does for servers next door, http1 takes half of net/http's memory.
func newTransport(base string, connect time.Duration, keep int, dial func(context.Context, string, string) (net.Conn, error)) transport {
	// A request's watch ends it after connect, and says so. These limits are for what goes on without it: the same ones
	// would race the watch, and what they end looks cut.
	behind := 2 * connect
	if dial == nil {
		dial = (&net.Dialer{Timeout: behind, KeepAlive: 15 * time.Second}).DialContext
	}
	if address, ok := next(base); ok {
		return &http1.Transport{Dial: dial, Address: address, Keep: keep, MaxHead: maxHead}
	}
	return &http.Transport{
		WriteBufferSize:        2 << 10, // held for as long as an answer lasts; most requests fit
		ReadBufferSize:         readBuffer,
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial,
		TLSHandshakeTimeout:    behind,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    keep,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHead,
		// Answers are asked for as they are: compression would hold tokens back. What
		// comes compressed all the same is unpacked by decoded.
		DisableCompression: true,
		// Without pings a dead HTTP/2 connection would take one request after another
		// with it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// next returns the address of a server that is asked without TLS and without a proxy between.
func next(base string) (address string, ok bool) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" || strings.ContainsFunc(u.Host, beyondASCII) { // such names are net/http's to spell
		return "", false
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil || proxy != nil {
		return "", false
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), true
}

func beyondASCII(r rune) bool { return r > unicode.MaxASCII }

// decoded returns the answer's body unpacked.
func decoded(r *http.Response) (io.Reader, error) {
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
		r.Header.Del("Content-Encoding")
		r.ContentLength = -1
		return &gunzip{packed: r.Body}, nil
	default:
		return nil, fmt.Errorf("the body is encoded as %q", encoding)
	}
}

// gunzip unpacks gzip from its first Read on: the packed head may be late.
type gunzip struct {
	packed io.Reader
	plain  *gzip.Reader
	err    error
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.plain == nil && g.err == nil {
		g.plain, g.err = gzip.NewReader(g.packed)
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.plain.Read(p)
}

// trouble names, for the log, what kept a request from being answered. reached tells
// whether there was a connection at all, hopeless that trying again will not help.
func trouble(err error) (name string, reached, hopeless bool) {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
		host        x509.HostnameError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		op          *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		return "dns", false, false
	case errors.As(err, &certificate), errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &record), errors.As(err, &alert):
		return "tls", false, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", false, false
	case errors.As(err, &op) && op.Op == "dial":
		return "dial", false, false
	default:
		return "reset", true, false
	}
}
