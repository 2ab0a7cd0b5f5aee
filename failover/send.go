package failover

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"syscall"
	"time"
)

// Exchange sends a request with ctx, and returns the response, whatever its status is.
type Exchange func(ctx context.Context) (*http.Response, error)

// Send sends a request by send, with a context made of ctx, which is the Watchdog's. It starts a
// period that ends after limit once the connection is open, and notes the head of the response, its
// 1xx responses, and all reads of the body, which the caller closes. The Failure is that of a
// request without a response; a response may have any status.
func (w *Watchdog) Send(ctx context.Context, limit time.Duration, cause Timeout, send Exchange) (*http.Response, *Failure) {
	r, err := send(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { w.Deadline(limit, cause) },
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			w.Touch()
			return nil
		},
	}))
	if err != nil {
		return nil, NoResponse(ctx, err)
	}
	w.Touch()
	w.sequence.responded = true
	r.Body = touching{r.Body, w}
	return r, nil
}

// touching is a body whose every read is a sign of life, whatever has been read.
type touching struct {
	io.ReadCloser
	watchdog *Watchdog
}

// Read implements io.Reader.
func (t touching) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.watchdog.Touch()
	}
	return n, err
}

// classify names, for the log, why there was no response. connected reports whether there was a
// connection, permanent that another attempt will not help.
func classify(err error) (kind string, connected, permanent bool) {
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
	case errors.As(err, &op) && op.Op == "remote error": // an alert, such as "certificate required"
		return "tls", false, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused", false, false
	case errors.As(err, &op) && op.Op == "dial":
		return "dial", false, false
	default:
		return "reset", true, false
	}
}
