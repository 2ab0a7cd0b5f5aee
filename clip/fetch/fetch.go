package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"penstock/apierr"
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
	keptBuffer   = 4 << 20 // bytes; larger buffers are left to the garbage collector
)

// Options say what may be fetched, and how much of it. Zero values take the default.
type Options struct {
	Timeout   time.Duration // for one fetch with its redirects, time spent waiting for a place not counted; 10 s
	MaxSize   int64         // bytes of one body; 20 MiB
	AtOnce    int           // fetches at once, in all: also how many bodies are held at one time; 64
	PerHost   int           // fetches at once, to one host; 16
	Allow     []string      // hosts, IP addresses and CIDRs that are let through on any port, though not public
	Deny      []string      // hosts, IP addresses and CIDRs that are not, whatever Allow says
	UserAgent string        // "Penstock"
}

// A Fetcher fetches. It may be used by any number of goroutines at once.
type Fetcher struct {
	options   Options
	guard     guard
	slots     *slots
	transport *http.Transport
	buffers   sync.Pool // of *bytes.Buffer
	cache     *cache
	resolver  *net.Resolver
}

// errTimeout is the cause of a context that ended because a fetch took too long.
var errTimeout = errors.New("the fetch took too long")

// New makes a Fetcher. It fails when an entry of Allow or Deny makes no sense.
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
	kept, err := newCache()
	if err != nil {
		return nil, err
	}
	f := &Fetcher{
		options: o,
		guard:   g,
		cache:   kept,
		slots:   newSlots(o.AtOnce, o.PerHost),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	f.transport = &http.Transport{
		DialContext:            f.dial,
		TLSHandshakeTimeout:    o.Timeout, // the transport goes on connecting when a fetch has ended
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // pictures are compressed already, and nothing can swell on arrival
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

// Close lets go of connections kept for another use. No fetch may be under way.
func (f *Fetcher) Close() {
	f.transport.CloseIdleConnections()
	f.cache.close()
}

// Fetch gets what lies at an address and hands it to use, which must not keep it. A place is held until use returns, so
// that no more than Options.AtOnce bodies are ever held. Fetch returns the error of use, if it came to that. A body that
// its server lets everybody keep may come from the cache, once use has found no fault in it.
func (f *Fetcher) Fetch(ctx context.Context, address string, use func(body []byte) error) error {
	target, err := f.parse(address)
	if err != nil {
		return err
	}
	left := f.options.Timeout
	for range 1 + maxRedirects {
		if body, ok := f.cache.get(target); ok {
			return use(body)
		}
		place, err := f.slots.take(ctx, hostOf(target))
		if err != nil {
			return err
		}
		since := time.Now()
		next, err := f.hop(ctx, left, target, place, use)
		if next == nil || err != nil {
			return err
		}
		left -= time.Since(since)
		target = next
	}
	return apierr.InvalidInput(ReasonTooManyRedirects, "the address redirects more than %d times", maxRedirects)
}

// hop asks one address, and gives the place back. It returns where that redirects to, or nil once use has had the body.
func (f *Fetcher) hop(ctx context.Context, timeout time.Duration, target *url.URL, place *place, use func([]byte) error) (next *url.URL, err error) {
	defer place.leave()
	hopCtx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(hopCtx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, badURL("the address is not a valid URL")
	}
	request.Header.Set("User-Agent", f.options.UserAgent)
	request.Header.Set("Accept", "image/*")
	response, err := f.transport.RoundTrip(request)
	if err != nil {
		return nil, failure(ctx, hopCtx, err)
	}
	defer response.Body.Close()

	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location, err := target.Parse(response.Header.Get("Location"))
		if err != nil || response.Header.Get("Location") == "" {
			return nil, badURL("the address redirects to something that is not a URL")
		}
		return f.parse(location.String())
	default:
		return nil, apierr.InvalidInput(ReasonFailed, "the address answered with status %d instead of a picture", response.StatusCode)
	}

	if response.ContentLength > f.options.MaxSize {
		return nil, f.tooLarge()
	}
	body := f.buffers.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= keptBuffer {
			body.Reset()
			f.buffers.Put(body)
		}
	}()
	if _, err := body.ReadFrom(io.LimitReader(response.Body, f.options.MaxSize+1)); err != nil {
		return nil, failure(ctx, hopCtx, err)
	}
	if int64(body.Len()) > f.options.MaxSize {
		return nil, f.tooLarge()
	}
	response.Body.Close()
	place.leaveHost()
	if err := use(body.Bytes()); err != nil {
		return nil, err
	}
	f.cache.put(target, response.Header, body.Bytes())
	return nil, nil
}

func (f *Fetcher) tooLarge() error {
	return apierr.InvalidInput(ReasonTooLarge, "the file is larger than the %d KiB taken here: send a smaller one", f.options.MaxSize>>10)
}

// failure says why a request came to nothing.
func failure(ctx, hopCtx context.Context, err error) error {
	var (
		e    *apierr.Error
		slow net.Error
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errNotAllowed):
		e = apierr.InvalidInput(ReasonAddressNotAllowed, "that address is not fetched from here, only public ones are, on ports 80 and 443: send the picture itself instead")
	case errors.Is(context.Cause(hopCtx), errTimeout), errors.As(err, &slow) && slow.Timeout():
		e = apierr.InvalidInput(ReasonTimeout, "the address took too long to answer: try again, or send the picture itself")
	case errors.Is(err, io.ErrUnexpectedEOF):
		e = apierr.InvalidInput(ReasonFailed, "the connection broke off before the whole file had come: try again")
	default:
		e = apierr.InvalidInput(ReasonFailed, "nothing could be fetched from the address: check that it is right and can be reached from everywhere")
	}
	e.Cause = err
	return e
}

func badURL(format string, args ...any) error {
	return apierr.InvalidInput(ReasonBadURL, format, args...)
}

// parse takes an address apart and refuses what is not fetched.
func (f *Fetcher) parse(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return nil, badURL("the address is not a valid URL")
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		return nil, badURL("the address needs its scheme: https://…")
	case "data":
		return nil, badURL("a data URL is not fetched: send it in the field \"image\"")
	default:
		return nil, badURL("only http and https addresses are fetched, not %.20q", u.Scheme)
	}
	if len(address) > maxURL {
		return nil, badURL("the address is longer than %d bytes", maxURL)
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

// hostOf is a URL's host as rules and limits know it.
func hostOf(u *url.URL) string { return canonicalHost(u.Hostname()) }

func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	d := net.Dialer{Timeout: f.options.Timeout, Control: f.guard.control(canonicalHost(host)), Resolver: f.resolver}
	return d.DialContext(ctx, network, address)
}
