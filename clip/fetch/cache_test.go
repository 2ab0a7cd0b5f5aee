package fetch

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/memory"
)

func TestLifetime(t *testing.T) {
	for _, c := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}}, time.Minute},
		{http.Header{"Cache-Control": {"public, Max-Age=\"60\" , immutable"}}, time.Minute},
		{http.Header{"Cache-Control": {"public"}}, 0},
		{http.Header{"Cache-Control": {"max-age=31536000"}}, cacheLifetime},
		{http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, cacheLifetime},
		{http.Header{"Cache-Control": {"max-age=0"}}, 0},
		{http.Header{"Cache-Control": {"max-age=-5"}}, 0},
		{http.Header{"Cache-Control": {"max-age=soon"}}, 0},
		{http.Header{"Cache-Control": {"max-age"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60, s-maxage=10"}}, 10 * time.Second},
		{http.Header{"Cache-Control": {"s-maxage=0, max-age=60"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60", "private"}}, 0},
		{http.Header{"Cache-Control": {"private=\"x-id\", max-age=60"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60, No-Store"}}, 0},
		{http.Header{"Cache-Control": {"no-cache, max-age=60"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"45"}}, 15 * time.Second},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"61"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}, "Vary": {"Accept, User-Agent"}}, time.Minute},
		{http.Header{"Cache-Control": {"max-age=60"}, "Vary": {"Accept", "*"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}, "Set-Cookie": {"a=b"}}, 0},
		{http.Header{"Expires": {"Thu, 01 Dec 2094 16:00:00 GMT"}}, 0},
	} {
		if got := lifetime(c.header); got != c.want {
			t.Errorf("%v: %s, not %s", c.header, got, c.want)
		}
	}
}

// What shared caches may keep is requested once, if use accepted it; everything else each time.
func TestCacheableBodiesAreFetchedOnce(t *testing.T) {
	var requests atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/moved":
			w.Header().Set("Cache-Control", "max-age=60")
			http.Redirect(w, r, "/kept", http.StatusMovedPermanently)
			return
		case "/missing":
			w.Header().Set("Cache-Control", "max-age=60")
			http.NotFound(w, r)
			return
		case "/private":
			w.Header().Set("Cache-Control", "private, max-age=60")
		case "/silent":
		default:
			w.Header().Set("Cache-Control", "max-age=60")
		}
		_, _ = w.Write([]byte(r.URL.String()))
	})
	f := newFetcher(t, Options{})
	get := func(path string) (body string) {
		t.Helper()
		_ = fetchFrom(t.Context(), f, s.URL+path, func(b []byte) error { body = string(b); return nil })
		return body
	}
	for _, c := range []struct {
		path, body string
		requests   int64 // when it is fetched three times
	}{
		{"/kept?a=1", "/kept?a=1", 1},
		{"/kept?a=2", "/kept?a=2", 1},
		{"/kept?a=2#part", "/kept?a=2", 0},
		{"/private", "/private", 3},
		{"/silent", "/silent", 3},
		{"/missing", "", 3},
		{"/moved", "/kept", 3 + 1},
	} {
		requests.Store(0)
		for range 3 {
			if got := get(c.path); got != c.body {
				t.Errorf("%s is %q", c.path, got)
			}
		}
		if n := requests.Load(); n != c.requests {
			t.Errorf("%s was requested %d times, not %d", c.path, n, c.requests)
		}
	}

	requests.Store(0)
	refused := errors.New("not a picture")
	for range 2 {
		if err := fetchFrom(t.Context(), f, s.URL+"/kept?refused", func([]byte) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("what was refused was requested %d times", n)
	}
}

func TestCachedBodiesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := newCache()
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		target := &url.URL{Scheme: "https", Host: "example.com", Path: "/cat.jpg"}
		allowed := http.Header{"Cache-Control": {"max-age=60"}}
		body := []byte("a cat")
		c.put(t.Context(), target, allowed, body)
		body[2] = 'r'
		time.Sleep(59 * time.Second)
		if got, ok := c.get(target); !ok || string(got) != "a cat" {
			t.Errorf("cached is %q, %v", got, ok)
		}
		time.Sleep(2 * time.Second)
		if got, ok := c.get(target); ok {
			t.Errorf("after its lifetime, %q is there", got)
		}
		c.put(t.Context(), target, allowed, make([]byte, cacheLargest+1))
		if _, ok := c.get(target); ok {
			t.Error("a body that is too large was cached")
		}
		for i := range 20 {
			other := *target
			other.Path += strings.Repeat("x", i)
			c.put(t.Context(), &other, allowed, make([]byte, cacheLargest))
		}
		synctest.Wait()
		c.bodies.CleanUp()
		if n := c.bodies.WeightedSize(); n > cacheBytes || n < cacheBytes/2 {
			t.Errorf("%d MiB are cached", n>>20)
		}
	})
}

func TestWhatTheCacheKeepsIsReserved(t *testing.T) {
	c, err := newCache()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	budget := memory.New(4 << 20)
	ctx := memory.With(t.Context(), budget.Account("a"))
	allowed := http.Header{"Cache-Control": {"max-age=60"}}
	address := func(path string) *url.URL { return &url.URL{Scheme: "http", Host: "example.com", Path: path} }
	for range 2 { // the second replaces the first
		c.put(ctx, address("/a"), allowed, make([]byte, 512<<10))
	}
	if held := budget.Snapshot().Kinds[memory.Cache]; held != 512<<10 {
		t.Errorf("%d bytes are held", held)
	}
	c.put(ctx, address("/b"), allowed, make([]byte, 1<<20))
	if _, ok := c.get(address("/b")); ok {
		t.Error("a body is kept that the budget has no memory for")
	}
	c.bodies.InvalidateAll()
	if held := budget.Snapshot().Used; held != 0 {
		t.Errorf("%d bytes are held for what was deleted", held)
	}
}
