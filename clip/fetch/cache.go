package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
)

const (
	cacheBytes    = 64 << 20
	cacheLargest  = cacheBytes / 8  // of one body
	cacheLifetime = 5 * time.Minute // at most, whatever a server allows
)

// A cache keeps bodies whose servers say that anybody may have them for a while. The requests that bring them are all the
// same but for the address, so that is the key.
type cache struct {
	bodies *otter.Cache[string, kept]
}

type kept struct {
	body []byte
	life time.Duration
}

func newCache() (*cache, error) {
	bodies, err := otter.New(&otter.Options[string, kept]{
		MaximumWeight:    cacheBytes,
		Weigher:          func(key string, k kept) uint32 { return uint32(len(key) + len(k.body)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, kept]) time.Duration { return e.Value.life }),
	})
	if err != nil {
		return nil, fmt.Errorf("cache of pictures: %w", err)
	}
	return &cache{bodies}, nil
}

func (c *cache) close() { c.bodies.StopAllGoroutines() }

// get returns a body that is kept, which must not be changed.
func (c *cache) get(target *url.URL) ([]byte, bool) {
	k, ok := c.bodies.GetIfPresent(key(target))
	return k.body, ok
}

// put keeps a copy of a body if its response's header allows that.
func (c *cache) put(target *url.URL, header http.Header, body []byte) {
	if d := lifetime(header); d > 0 && len(body) <= cacheLargest {
		c.bodies.Set(key(target), kept{bytes.Clone(body), d})
	}
}

func key(target *url.URL) string {
	whole := *target
	whole.Fragment, whole.RawFragment = "", ""
	return whole.String()
}

// lifetime is how long a response may be kept by a cache that many share: as long as it says in so many words (RFC 9111,
// s-maxage before max-age, less the Age it has already), and no longer than cacheLifetime. What it leaves unsaid is 0.
func lifetime(header http.Header) time.Duration {
	if header.Get("Set-Cookie") != "" || strings.Contains(strings.Join(header.Values("Vary"), ","), "*") {
		return 0
	}
	var shared, everybody time.Duration = -1, -1
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache", "private":
			return 0
		case "s-maxage":
			shared = seconds(value)
		case "max-age":
			everybody = seconds(value)
		}
	}
	if shared < 0 {
		shared = everybody
	}
	if age := header.Get("Age"); age != "" {
		shared -= seconds(age)
	}
	return min(max(0, shared), cacheLifetime)
}

// seconds reads a number of seconds. What is none is 0, or as good as for ever where it is too long.
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
