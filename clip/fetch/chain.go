package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/publicsuffix"
)

const (
	maxCookies = 16 << 10               // bytes of all cookies of a chain
	retryPause = 500 * time.Millisecond // where a server names no other
)

// A chain is the state of one fetch: a request, its redirects, and its one retry.
type chain struct {
	left    time.Duration // for all that is to come
	retried bool
	jar     *cookiejar.Jar // nil: no cookies yet
	size    int            // of all that was put into the jar
}

// cookies returns the cookies that the chain was given for an address, by its host or, for all of
// a domain, by another host of that.
func (c *chain) cookies(target *url.URL) []*http.Cookie {
	if c.jar == nil {
		return nil
	}
	return c.jar.Cookies(target)
}

// keep keeps the cookies of a response for the rest of the chain, as many as there is room for.
func (c *chain) keep(target *url.URL, response *http.Response) {
	var fitting []*http.Cookie
	for _, cookie := range response.Cookies() {
		if c.size+len(cookie.Raw) > maxCookies {
			break
		}
		c.size += len(cookie.Raw)
		fitting = append(fitting, cookie)
	}
	if len(fitting) == 0 {
		return
	}
	if c.jar == nil {
		// New fails for no options.
		c.jar, _ = cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	}
	c.jar.SetCookies(target, fitting)
}

// temporary is the error of a request that may be sent again.
type temporary struct {
	cause error
	after time.Duration // not before this
}

// Error implements error.
func (t *temporary) Error() string { return t.cause.Error() }

// Unwrap returns the cause.
func (t *temporary) Unwrap() error { return t.cause }

// pause waits until a request may be sent again. The chain has one retry, and no more time than it
// had: where that does not suffice, pause returns the cause at once.
func (c *chain) pause(ctx context.Context, failed *temporary) error {
	if c.retried || failed.after >= c.left {
		return failed.cause
	}
	c.retried = true
	c.left -= failed.after
	timer := time.NewTimer(failed.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter is how long a server wants its clients to wait (RFC 9110, 10.2.3): seconds, or until a
// date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value != "" && strings.Trim(value, "0123456789") == "" {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			n = 1 << 31 // longer than any fetch
		}
		return time.Duration(n) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return retryPause
}

// isReset reports whether a connection, or a stream of one, broke off.
func isReset(err error) bool {
	var stream http2.StreamError
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &stream)
}
