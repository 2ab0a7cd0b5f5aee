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

// PublicHub is where models are looked for unless Options says otherwise.
const PublicHub = "https://huggingface.co"

// maxRedirects is how often a hub may send us on before a file comes: it takes one or two.
const maxRedirects = 10

// Options say where the hub is and who asks.
type Options struct {
	Endpoint  string            // http or https, perhaps with a path; "": PublicHub
	Token     string            // what the hub gave its user to read private and gated repositories with; "": none
	UserAgent string            // "": Go's
	Progress  Progress          // nil: nobody is told
	Transport http.RoundTripper // nil: http.DefaultTransport
}

// Progress is told how things go, by the goroutine that called the Client.
type Progress interface {
	// At says that have of a file's bytes are here. It may fall back to 0, when the file has to be fetched anew.
	At(f File, have int64)
	// Done says that a file is here, whole and checked. It was fetched, or it was here before.
	Done(f File, fetched bool)
	// Waiting says that something failed and is tried again after so long.
	Waiting(d time.Duration, why error)
}

// A Client asks one hub. Its methods may be called at the same time if its Progress allows it.
type Client struct {
	endpoint *url.URL
	token    string
	agent    string
	progress Progress
	http     *http.Client
}

// New makes a client; it asks nothing yet. Its errors say what is wrong with the endpoint or the token, which they do
// not show.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = PublicHub
	}
	if o.Progress == nil {
		o.Progress = silent{}
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

// at makes an address below the endpoint, of parts that are escaped where they need it.
func (c *Client) at(parts ...string) *url.URL { return c.endpoint.JoinPath(parts...) }

// home tells whether the token may go there.
func (c *Client) home(u *url.URL) bool {
	return u.Scheme == c.endpoint.Scheme && strings.EqualFold(u.Host, c.endpoint.Host)
}

// An answer is what came at the end of a chain of redirects.
type answer struct {
	*http.Response
	hub  http.Header // what the hub itself said last, when it sent us to another host
	away bool        // another host answered
}

// get asks for an address and follows redirects itself: net/http would take the token along to a subdomain or another
// port. Once away from the hub the token stays away. Errors are the network's, explained; any status is an answer.
func (c *Client) get(ctx context.Context, u *url.URL, header http.Header) (*answer, error) {
	a := &answer{hub: http.Header{}}
	for range maxRedirects + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", u.Host, errors.Unwrap(err))
		}
		request.Header = header.Clone()
		if c.agent != "" {
			request.Header.Set("User-Agent", c.agent)
		}
		a.away = a.away || !c.home(u)
		if c.token != "" && !a.away {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		a.Response, err = c.http.Do(request) //nolint:bodyclose // the last one's is the caller's to close
		if err != nil {
			return nil, networkError(ctx, u.Host, err)
		}
		if !a.away {
			a.hub = a.Header
		}
		switch a.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return a, nil
		}
		next, err := a.Location()
		_, _ = io.CopyN(io.Discard, a.Body, 4<<10) // a short rest lets the connection be used again
		a.Body.Close()
		switch {
		case err != nil || next.Host == "" || (next.Scheme != "https" && next.Scheme != "http"):
			return nil, fmt.Errorf("%s sends us on to nowhere", u.Host)
		case u.Scheme == "https" && next.Scheme == "http":
			return nil, fmt.Errorf("%s sends us on to %s without encryption: refused", u.Host, next.Host)
		}
		next.User = nil // nobody else's credentials either
		u = next
	}
	return nil, fmt.Errorf("%s sends us on and on (more than %d times)", c.endpoint.Host, maxRedirects)
}

type silent struct{}

func (silent) At(File, int64)               {}
func (silent) Done(File, bool)              {}
func (silent) Waiting(time.Duration, error) {}
