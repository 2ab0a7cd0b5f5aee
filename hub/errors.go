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
	// ErrBusy says that another Fetch is at work on the folder.
	ErrBusy = errors.New("another penstock pull is filling this folder: wait for it, or choose another --dir")
	// ErrNoGraph says that a repository holds nothing that ONNX Runtime can run.
	ErrNoGraph = errors.New("the repository has no ONNX files")
	// ErrNotAllowed says that the hub wants to know who asks, or that whoever asks may not.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotFound says that the hub has no such repository, revision or file.
	ErrNotFound = errors.New("not found")
	// ErrContradiction says that what a hub sent is not what it had announced: a size, a checksum, a commit.
	ErrContradiction = errors.New("the hub contradicts itself")
	// ErrUnreachable says that no connection came about.
	ErrUnreachable = errors.New("no connection")
)

// networkError says what kept a request from being answered, without addresses' secrets: a signed one is as good as a
// key.
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
		return fmt.Errorf("%s cannot prove that it is the one (%w): see this machine's certificates and clock", host, cert.Err)
	case errors.As(err, &name):
		return temporary{error: fmt.Errorf("%w: the address of %s cannot be found: %s", ErrUnreachable, host, advice)}
	case errors.As(err, &dial) && dial.Op == "dial":
		return temporary{error: fmt.Errorf("%w: %s cannot be reached (%w): %s", ErrUnreachable, host, dial.Err, advice)}
	default:
		return temporary{error: fmt.Errorf("the connection to %s broke: %w", host, err)}
	}
}

// refusal says what a status other than a good one means. What a server writes itself is not shown.
func (c *Client) refusal(a *answer, id, what string) error {
	code, status := a.Header.Get("X-Error-Code"), a.StatusCode
	page := c.at(id).String()
	switch {
	case status == http.StatusTooManyRequests:
		return temporary{error: fmt.Errorf("%s says that there have been too many requests (429)", a.Request.URL.Host), after: retryAfter(a.Header)}
	case status >= 500 || status == http.StatusRequestTimeout:
		return temporary{error: fmt.Errorf("%s answers %d", a.Request.URL.Host, status), after: retryAfter(a.Header)}
	case a.away: // a signed address has had its time; the next try begins at the hub and gets a new one
		return temporary{error: fmt.Errorf("%s, where the hub keeps its files, answers %d for %s", a.Request.URL.Host, status, what)}
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && code == "GatedRepo":
		return fmt.Errorf("%w: %s wants its licence accepted: do that at %s, and set HF_TOKEN to a token of the same account", ErrNotAllowed, id, page)
	case status == http.StatusUnauthorized && c.token == "":
		return fmt.Errorf("%w: there is no repository %s, or it is not open to all: then it needs HF_TOKEN, and perhaps its licence accepted at %s", ErrNotAllowed, id, page)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%w: the token in HF_TOKEN does not open %s (%d): see that it may read it, and accept its licence at %s", ErrNotAllowed, id, status, page)
	case status == http.StatusNotFound && code == "RevisionNotFound":
		return fmt.Errorf("%w: %s has no revision like that: see --revision", ErrNotFound, id)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %s has no %s", ErrNotFound, c.endpoint.Host, what)
	default:
		return fmt.Errorf("%s answers %d for %s: does it speak the hub's API?", a.Request.URL.Host, status, what)
	}
}

// diskError adds what to do about a full disk.
func diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%s: the disk is full: make room and run the same again, it goes on from here: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
