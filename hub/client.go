package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PublicHub is the default endpoint.
const PublicHub = "https://huggingface.co"

// maxRedirects bounds the redirects before a response. A hub needs one or two.
const maxRedirects = 10

// Options configure a Client.
type Options struct {
	Endpoint  string            // http or https, perhaps with a path; "": PublicHub
	Token     string            // access token for private and gated repositories; "": none
	UserAgent string            // "": Go's
	Progress  Progress          // nil: progress is not reported
	Transport http.RoundTripper // nil: http.DefaultTransport
}

// Progress receives the progress of a download. Its methods are called by the goroutine that called
// the Client.
type Progress interface {
	// At reports that have bytes of a file are on disk. The number falls back to 0 when the file
	// has to be downloaded again.
	At(f File, have int64)
	// Done reports that a file is complete and verified. fetched is false if it was there before.
	Done(f File, fetched bool)
	// Waiting reports that a request failed for the reason why and is retried after d.
	Waiting(d time.Duration, why error)
}

// A Client sends requests to one hub. Its methods may be called concurrently if those of its
// Progress may.
type Client struct {
	endpoint *url.URL
	token    string
	agent    string
	progress Progress
	http     *http.Client
}

// New returns a client, and sends no request. Its errors explain what is wrong with the endpoint or
// the token without showing either.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = PublicHub
	}
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	endpoint, err := url.Parse(strings.TrimRight(o.Endpoint, "/"))
	if err != nil || (endpoint.Scheme != "https" && endpoint.Scheme != "http") || endpoint.Host == "" ||
		endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "" {
		return nil, errors.New("HF_ENDPOINT must be an address such as " + PublicHub + ", without user, query or fragment")
	}
	token := strings.TrimSpace(o.Token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("HF_TOKEN must be one word, such as hf_…")
	}
	return &Client{
		endpoint: endpoint, token: token, agent: o.UserAgent, progress: o.Progress,
		http: &http.Client{
			Transport:     o.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// url returns the URL of escaped path elements below the endpoint.
func (c *Client) url(elements ...string) *url.URL { return c.endpoint.JoinPath(elements...) }

// trusts reports whether the token may be sent to u.
func (c *Client) trusts(u *url.URL) bool {
	return u.Scheme == c.endpoint.Scheme && strings.EqualFold(u.Host, c.endpoint.Host)
}

// A response is what the last request of a chain of redirects returned.
type response struct {
	*http.Response
	hub     http.Header // the headers of the hub's own last response, even if it redirected to another host
	foreign bool        // a host other than the hub has been part of the chain
}

// get sends a GET request. It follows redirects itself, because net/http would send the token to
// subdomains and other ports too. Once a redirect has left the hub, the token is not sent again.
// Errors are network errors with an explanation; a response of any status is not an error.
func (c *Client) get(ctx context.Context, u *url.URL, header http.Header) (*response, error) {
	r := &response{hub: http.Header{}}
	for range maxRedirects + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("request to %s: %w", u.Host, errors.Unwrap(err))
		}
		request.Header = header.Clone()
		if c.agent != "" {
			request.Header.Set("User-Agent", c.agent)
		}
		r.foreign = r.foreign || !c.trusts(u)
		if c.token != "" && !r.foreign {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		r.Response, err = c.http.Do(request) //nolint:bodyclose // the caller closes the last one's
		if err != nil {
			return nil, networkError(ctx, u.Host, err)
		}
		if !r.foreign {
			r.hub = r.Header
		}
		switch r.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return r, nil
		}
		next, err := r.Location()
		_, _ = io.CopyN(io.Discard, r.Body, 4<<10) // a body read to its end lets the connection be reused
		r.Body.Close()
		switch {
		case err != nil || next.Host == "" || (next.Scheme != "https" && next.Scheme != "http"):
			return nil, fmt.Errorf("%s redirects without a usable Location", u.Host)
		case u.Scheme == "https" && next.Scheme == "http":
			return nil, fmt.Errorf("%s redirects to %s without encryption: refused", u.Host, next.Host)
		}
		next.User = nil // net/http would send these as Authorization
		u = next
	}
	return nil, fmt.Errorf("%s redirects more than %d times", c.endpoint.Host, maxRedirects)
}

// noProgress discards every report.
type noProgress struct{}

func (noProgress) At(File, int64)               {}
func (noProgress) Done(File, bool)              {}
func (noProgress) Waiting(time.Duration, error) {}
