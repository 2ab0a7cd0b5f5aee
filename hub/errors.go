package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

var (
	// ErrBusy means that another Fetch holds the folder's lock.
	ErrBusy = errors.New("another penstock pull is filling this folder: wait for it, or choose another --dir")
	// ErrNoGraph means that a repository has no ONNX graph.
	ErrNoGraph = errors.New("the repository has no ONNX files")
	// ErrNotAllowed means that the hub requires a token, or that the token does not suffice.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotFound means that the hub has no such repository, revision or file.
	ErrNotFound = errors.New("not found")
	// ErrContradiction means that the hub sent something other than it had announced: a size, a
	// checksum or a commit.
	ErrContradiction = errors.New("the hub contradicts itself")
	// ErrUnreachable means that no connection was established.
	ErrUnreachable = errors.New("no connection")
)

// networkError explains why a request got no response. It leaves out the URL: a signed one is a
// credential.
func networkError(ctx context.Context, host string, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return temporary{error: fmt.Errorf("%s: %w", host, cause)}
	} else if cause != nil {
		return cause
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	var (
		name   *net.DNSError
		dial   *net.OpError
		cert   *tls.CertificateVerificationError
		advice = "is there a network? (HF_ENDPOINT names another hub, HTTPS_PROXY a proxy)"
	)
	switch {
	case errors.As(err, &cert):
		return fmt.Errorf("the certificate of %s cannot be verified (%w): check this machine's certificates and clock", host, cert.Err)
	case errors.As(err, &name):
		return temporary{error: fmt.Errorf("%w: the address of %s cannot be found: %s", ErrUnreachable, host, advice)}
	case errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		return temporary{error: fmt.Errorf("%w: %s cannot be reached (%w): %s", ErrUnreachable, host, dial.Err, advice)}
	default:
		return temporary{error: fmt.Errorf("the connection to %s broke: %w", host, err)}
	}
}

// statusError explains an unsuccessful status. It does not show the response body.
func (c *Client) statusError(r *response, id, what string) error {
	code, status := r.Header.Get("X-Error-Code"), r.StatusCode
	page := c.url(id).String()
	switch {
	case status == http.StatusTooManyRequests:
		return temporary{error: fmt.Errorf("%s reports too many requests (429)", r.Request.URL.Host), after: retryAfter(r.Header)}
	case status >= 500 || status == http.StatusRequestTimeout:
		return temporary{error: fmt.Errorf("%s returns status %d", r.Request.URL.Host, status), after: retryAfter(r.Header)}
	case r.foreign: // a signed URL has probably expired; the next attempt gets a new one from the hub
		return temporary{error: fmt.Errorf("%s, where the hub keeps its files, returns status %d for %s", r.Request.URL.Host, status, what)}
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && code == "GatedRepo":
		return fmt.Errorf("%w: the licence of %s must be accepted first: do that at %s, and set HF_TOKEN to a token of the same account", ErrNotAllowed, id, page)
	case status == http.StatusUnauthorized && c.token == "":
		return fmt.Errorf("%w: there is no repository %s, or it is not public: then it needs HF_TOKEN, and perhaps its licence accepted at %s", ErrNotAllowed, id, page)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%w: the token in HF_TOKEN does not open %s (%d): check that it may read it, and accept its licence at %s", ErrNotAllowed, id, status, page)
	case status == http.StatusNotFound && code == "RevisionNotFound":
		return fmt.Errorf("%w: %s has no revision like that: see --revision", ErrNotFound, id)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %s has no %s", ErrNotFound, c.endpoint.Host, what)
	default:
		return fmt.Errorf("%s returns status %d for %s: is it a hub?", r.Request.URL.Host, status, what)
	}
}

// diskError adds advice to an error about a full disk.
func diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: the disk is full: make room and run the same command again, which resumes here: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
