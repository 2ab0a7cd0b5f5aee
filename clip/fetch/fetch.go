package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"penstock/apierr"
	"penstock/clip/internal/limit"
)

// The reasons for which a fetch fails.
const (
	ReasonBadURL            = "bad_url"
	ReasonAddressNotAllowed = "address_not_allowed"
	ReasonTooManyRedirects  = "too_many_redirects"
	ReasonTooLarge          = "too_large"
	ReasonFailed            = "fetch_failed"
	ReasonTimeout           = "fetch_timeout"
)

const (
	maxRedirects = 5
	maxURL       = 8 << 10 // bytes
)

// Options configure a Fetcher. Zero values take the default.
type Options struct {
	Timeout   time.Duration // for one fetch with its redirects and its retry, not counting waits for a limit; 10 s
	MaxSize   int64         // bytes of one body, with and without its Content-Encoding; 20 MiB
	AtOnce    int           // fetches at once, in all, and so bodies held at one time; 64
	PerHost   int           // fetches at once, to one host; 16
	Allow     []string      // hosts, IP addresses and CIDRs that are allowed on any port, though not public
	Deny      []string      // hosts, IP addresses and CIDRs that are refused, even if in Allow
	UserAgent string        // "Penstock"
}

// A Fetcher fetches pictures. It may be used by any number of goroutines at once.
type Fetcher struct {
	options   Options
	guard     guard
	perHost   *limit.PerKey
	total     *limit.Limit
	transport *http.Transport
	buffers   sync.Pool // of *bytes.Buffer
	cache     *cache
	resolver  *net.Resolver
}

// errTimeout is the cause of a context that ended because a fetch took too long.
var errTimeout = errors.New("the fetch took too long")

// New makes a Fetcher. It fails when an entry of Allow or Deny is invalid.
func New(o Options) (*Fetcher, error) {
	setDefault(&o.Timeout, 10*time.Second)
	setDefault(&o.MaxSize, 20<<20)
	setDefault(&o.AtOnce, 64)
	setDefault(&o.PerHost, 16)
	setDefault(&o.UserAgent, "Penstock")
	g, err := newGuard(o.Allow, o.Deny)
	if err != nil {
		return nil, err
	}
	bodies, err := newCache()
	if err != nil {
		return nil, err
	}
	f := &Fetcher{
		options: o,
		guard:   g,
		cache:   bodies,
		perHost: limit.NewPerKey("fetches_per_host", limit.FetchesPerHost, int64(o.PerHost)),
		total:   limit.New("fetches", limit.Fetches, int64(o.AtOnce)),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	f.transport = &http.Transport{
		DialContext:            f.dial,
		TLSHandshakeTimeout:    o.Timeout, // the transport continues to connect when a fetch has ended
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // pictures are compressed already; what is compressed all the same, body decodes
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           o.AtOnce,
		IdleConnTimeout:        30 * time.Second,
	}
	return f, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Close closes idle connections and the cache. No fetch may be in progress.
func (f *Fetcher) Close() {
	f.transport.CloseIdleConnections()
	f.cache.close()
}

// Limits returns the state of the limits of fetches, in the order they are acquired.
func (f *Fetcher) Limits() []limit.Snapshot {
	return []limit.Snapshot{f.perHost.Snapshot(), f.total.Snapshot()}
}

// Fetch gets the body at an address and calls use with it, which must not keep it. The fetch counts
// until use returns, so that no more than Options.AtOnce bodies are ever held; to its host it
// counts until the body has arrived. holder must hold no limit of those ranks or higher; what use
// acquires it acquires through holder too. Fetch returns the error of use, if it called use. A body
// that its server allows shared caches to keep may come from the cache, once use has accepted it.
func (f *Fetcher) Fetch(ctx context.Context, holder *limit.Holder, address string, use func(body []byte) error) error {
	target, err := f.parse(address)
	if err != nil {
		return err
	}
	c := &chain{left: f.options.Timeout}
	for redirects := 0; redirects <= maxRedirects; {
		if len(c.cookies(target)) == 0 {
			if body, ok := f.cache.get(target); ok {
				return use(body)
			}
		}
		next, err := f.hop(ctx, holder, c, target, use)
		if failed, ok := errors.AsType[*temporary](err); ok {
			if err := c.pause(ctx, failed); err != nil {
				return err
			}
			continue
		}
		if next == nil || err != nil {
			return err
		}
		redirects++
		target = next
	}
	return apierr.InvalidInput(ReasonTooManyRedirects, "the address redirects more than %d times", maxRedirects)
}

// hop waits for both limits and requests one address. It returns the address that this redirects to
// or nil once use has had the body. It holds nothing when it returns: a redirect to another host
// must not wait for it while it keeps this one, and a pause must not keep others waiting.
func (f *Fetcher) hop(ctx context.Context, holder *limit.Holder, c *chain, target *url.URL, use func([]byte) error) (next *url.URL, err error) {
	atHost, err := holder.AcquireKey(ctx, f.perHost, hostOf(target), 1)
	if err != nil {
		return nil, err
	}
	defer atHost.Release()
	inAll, err := holder.Acquire(ctx, f.total, 1)
	if err != nil {
		return nil, err
	}
	defer inAll.Release()
	since := time.Now()
	defer func() { c.left -= time.Since(since) }()
	return f.request(ctx, c, target, func(body []byte) error {
		atHost.Release()
		return use(body)
	})
}

// request sends one request. It returns the address that this redirects to, or nil once use has had
// the body; or an error, which is a *temporary if the request may be sent again.
func (f *Fetcher) request(ctx context.Context, c *chain, target *url.URL, use func([]byte) error) (next *url.URL, err error) {
	hopCtx, cancel := context.WithTimeoutCause(ctx, c.left, errTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(hopCtx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, badURL("the address is not a valid URL")
	}
	request.Header.Set("User-Agent", f.options.UserAgent)
	request.Header.Set("Accept", "*/*")
	cookies := c.cookies(target)
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	response, err := f.transport.RoundTrip(request)
	if err != nil {
		return nil, f.failure(ctx, hopCtx, err)
	}
	defer response.Body.Close()
	c.keep(target, response)

	switch response.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusPartialContent:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location, err := target.Parse(response.Header.Get("Location"))
		if err != nil || response.Header.Get("Location") == "" {
			return nil, badURL("the address redirects to something that is not a URL")
		}
		return f.parse(location.String())
	default:
		err := apierr.InvalidInput(ReasonFailed, "the address answered with status %d instead of a picture", response.StatusCode)
		if response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusTooManyRequests {
			return nil, &temporary{cause: err, after: retryAfter(response.Header, time.Now())}
		}
		return nil, err
	}
	return nil, f.body(ctx, hopCtx, response, func(body []byte) error {
		if err := use(body); err != nil {
			return err
		}
		// What was sent for cookies is for them alone.
		if response.StatusCode != http.StatusPartialContent && len(cookies) == 0 {
			f.cache.put(ctx, target, response.Header, body)
		}
		return nil
	})
}

// parse parses an address and refuses what is not fetched.
func (f *Fetcher) parse(address string) (*url.URL, error) {
	address = strings.TrimSpace(address)
	switch { // before it is parsed, which may take many times its size
	case len(address) >= 5 && strings.EqualFold(address[:5], "data:"):
		return nil, badURL("a data URL is not fetched")
	case len(address) > maxURL:
		return nil, badURL("the address is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, badURL("the address is not a valid URL")
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		return nil, badURL("the address needs its scheme: https://…")
	default:
		return nil, badURL("only http and https addresses are fetched, not %.20q", u.Scheme)
	}
	if u.User != nil {
		return nil, badURL("the address must not hold a user name or password")
	}
	if u.Opaque != "" || u.Hostname() == "" {
		return nil, badURL("the address names no host")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, badURL("the address has no valid port")
		}
	}
	return u, nil
}

// hostOf is a URL's host in the form that rules and limits compare.
func hostOf(u *url.URL) string { return canonicalHost(u.Hostname()) }

func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	d := net.Dialer{Timeout: f.options.Timeout, Control: f.guard.control(canonicalHost(host)), Resolver: f.resolver}
	return d.DialContext(ctx, network, address)
}
