package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"penstock/memory"

	"github.com/maypok86/otter/v2"
)

const (
	cacheBytes    = 64 << 20
	cacheLargest  = cacheBytes / 8  // of one body
	cacheLifetime = 5 * time.Minute // at most, whatever a server allows
)

// A cache keeps bodies that their servers allow shared caches to keep for a while. The requests for
// them are all the same but for the address, so that is the key.
type cache struct {
	bodies *otter.Cache[string, cached]
}

type cached struct {
	body     []byte
	lifetime time.Duration
	held     *memory.Reservation // until it is deleted
}

func newCache() (*cache, error) {
	bodies, err := otter.New(&otter.Options[string, cached]{
		MaximumWeight:    cacheBytes,
		Weigher:          func(key string, c cached) uint32 { return uint32(len(key) + len(c.body)) },
		OnAtomicDeletion: func(e otter.DeletionEvent[string, cached]) { e.Value.held.Close() },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, cached]) time.Duration { return e.Value.lifetime }),
	})
	if err != nil {
		return nil, fmt.Errorf("cache of pictures: %w", err)
	}
	return &cache{bodies}, nil
}

func (c *cache) close() { c.bodies.StopAllGoroutines() }

// get returns a body from the cache, which must not be changed.
func (c *cache) get(target *url.URL) ([]byte, bool) {
	entry, ok := c.bodies.GetIfPresent(key(target))
	return entry.body, ok
}

// put keeps a copy of a body if its response's header allows that and the memory budget has room.
func (c *cache) put(ctx context.Context, target *url.URL, header http.Header, body []byte) {
	d := lifetime(header)
	if d <= 0 || len(body) > cacheLargest {
		return
	}
	if held, ok := memory.From(ctx).Keep(int64(len(body))); ok {
		c.bodies.Set(key(target), cached{bytes.Clone(body), d, held})
	}
}

func key(target *url.URL) string {
	whole := *target
	whole.Fragment, whole.RawFragment = "", ""
	return whole.String()
}

// lifetime is how long a shared cache may keep a response: as long as its header states explicitly
// (RFC 9111, s-maxage before max-age, less the Age it already has), and no longer than
// cacheLifetime. Without such a statement it is 0.
func lifetime(header http.Header) time.Duration {
	if header.Get("Set-Cookie") != "" || strings.Contains(strings.Join(header.Values("Vary"), ","), "*") {
		return 0
	}
	var shared, general time.Duration = -1, -1
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache", "private":
			return 0
		case "s-maxage":
			shared = seconds(value)
		case "max-age":
			general = seconds(value)
		}
	}
	if shared < 0 {
		shared = general
	}
	if age := header.Get("Age"); age != "" {
		shared -= seconds(age)
	}
	return min(max(0, shared), cacheLifetime)
}

// seconds reads a number of seconds. Anything else is 0; a number too large to represent is longer
// than any lifetime.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(text, `" `), 10, 31)
	switch {
	case err == nil:
		return time.Duration(n) * time.Second
	case strings.Trim(text, "0123456789") == "" && text != "":
		return 1 << 31 * time.Second
	}
	return 0
}
