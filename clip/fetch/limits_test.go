package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wantAllReleased checks that no fetch holds a limit or waits for one, and that no host is kept.
func wantAllReleased(t *testing.T, f *Fetcher) {
	t.Helper()
	for _, s := range f.Limits() {
		if s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left: %+v", s)
		}
	}
	if n := f.perHost.Keys(); n != 0 {
		t.Errorf("%d hosts are kept that no fetch uses", n)
	}
}

func TestFetchesPerHostAreBounded(t *testing.T) {
	const perHost, fetches = 2, 12
	var inside, most atomic.Int64
	s := serve(t, func(http.ResponseWriter, *http.Request) {
		n := inside.Add(1)
		defer inside.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
	})
	f := newFetcher(t, Options{PerHost: perHost})
	done := make(chan error, fetches)
	for range fetches {
		go func() { done <- fetchFrom(t.Context(), f, s.URL, ignore) }()
	}
	for range fetches {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() > perHost {
		t.Errorf("%d at once", most.Load())
	}
	wantAllReleased(t, f)
}

// A fetch counts while its body is in use, so that bodies cannot pile up; a fetch that waits can be
// canceled.
func TestFetchesInAllAreBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	f := newFetcher(t, Options{AtOnce: 1, PerHost: 1})
	cause := errors.New("the client disconnected")
	err := fetchFrom(t.Context(), f, s.URL+"/first", func(body []byte) error {
		ctx, cancel := context.WithCancelCause(t.Context())
		second := make(chan error)
		go func() { second <- fetchFrom(ctx, f, s.URL+"/second", ignore) }()
		cancel(cause)
		if err := <-second; !errors.Is(err, cause) {
			t.Errorf("the second fetch: %v", err)
		}
		if !bytes.Equal(body, []byte("/first")) {
			t.Errorf("the body changed to %q", body)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := fetchFrom(t.Context(), f, s.URL, ignore); err != nil {
		t.Errorf("the limit was not released: %v", err)
	}
	wantAllReleased(t, f)
}

// Fetches that wait for a slow host hold nothing that fetches from another host need; and a fetch
// that decodes its body no longer counts as one to its host.
func TestASlowHostDoesNotHoldUpOthers(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	slow := serve(t, func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-release })
	fast := serve(t, func(http.ResponseWriter, *http.Request) {})
	f := newFetcher(t, Options{AtOnce: 2, PerHost: 1, Timeout: time.Minute, Allow: []string{"slow.example", "127.0.0.1"}})
	f.resolver = names(t, func(string) string { return "127.0.0.1" })
	const waiting = 8
	done := make(chan error, 1+waiting)
	for range 1 + waiting {
		go func() {
			done <- fetchFrom(t.Context(), f, strings.Replace(slow.URL, "127.0.0.1", "slow.example", 1), ignore)
		}()
	}
	<-begun
	for f.perHost.Snapshot().Waiting < waiting {
		runtime.Gosched()
	}
	err := fetchFrom(t.Context(), f, fast.URL, func([]byte) error {
		for _, s := range f.Limits() {
			if s.Name == "fetches_per_host" && s.InUse != 1 {
				t.Errorf("%+v: the host still counts", s)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	close(release)
	for range waiting {
		<-begun
	}
	for range 1 + waiting {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	wantAllReleased(t, f)
}
