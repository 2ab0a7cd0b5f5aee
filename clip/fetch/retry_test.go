package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/clip/internal/limit"
)

// failing serves "cat" after some responses of fail.
func failing(t *testing.T, times int64, fail http.HandlerFunc) (s *httptest.Server, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) <= times {
			fail(w, r)
			return
		}
		_, _ = io.WriteString(w, "cat")
	}), requests
}

// hijacked writes a response as it is and closes the connection, or resets it.
func hijacked(t *testing.T, response string, reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, response)
		if tcp, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
}

func status(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

func TestOneRetry(t *testing.T) {
	past := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		fail     http.HandlerFunc
		times    int64  // that the server fails
		requests int64  // that it gets
		reason   string // "": it succeeds
	}{
		"503":                         {status(503, "0"), 1, 2, ""},
		"429":                         {status(429, "0"), 1, 2, ""},
		"429 until a date":            {status(429, past), 1, 2, ""},
		"503 without a time":          {status(503, ""), 1, 2, ""},
		"503 twice":                   {status(503, "0"), 2, 2, ReasonFailed},
		"429 for longer than a fetch": {status(429, "5"), 1, 1, ReasonFailed},
		"503 for ever":                {status(503, strings.Repeat("9", 40)), 1, 1, ReasonFailed},
		"500":                         {status(500, "0"), 1, 1, ReasonFailed},
		"404":                         {status(404, "0"), 1, 1, ReasonFailed},
		"a reset":                     {hijacked(t, "", true), 1, 2, ""},
		"a reset in the head":         {hijacked(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", true), 1, 2, ""},
		"a reset in the body":         {hijacked(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncat", true), 1, 2, ""},
		"an end before the head":      {hijacked(t, "", false), 1, 2, ""},
		"an end in the body":          {hijacked(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncat", false), 1, 2, ""},
		"two resets":                  {hijacked(t, "", true), 2, 2, ReasonFailed},
		"something that is no HTTP":   {hijacked(t, "cat\r\n\r\n", false), 1, 1, ReasonFailed},
		"a reset in a body too large": {hijacked(t, "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", true), 1, 1, ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s, requests := failing(t, c.times, c.fail)
			f := newFetcher(t, Options{Timeout: 4 * time.Second, MaxSize: 1000})
			got := ""
			err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got += string(body); return nil })
			if c.reason != "" {
				wantReason(t, err, c.reason)
			} else if err != nil || got != "cat" {
				t.Errorf("got %q, %v", got, err)
			}
			if n := requests.Load(); n != c.requests {
				t.Errorf("the server got %d requests, not %d", n, c.requests)
			}
			wantAllReleased(t, f)
		})
	}
}

// A reset of an HTTP/2 stream is one too.
func TestARetryAfterAResetStream(t *testing.T) {
	var requests atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			_, _ = io.WriteString(w, "c")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	f := newFetcher(t, Options{})
	f.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	got := ""
	if err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got = string(body); return nil }); err != nil || got != "HTTP/2.0" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The retry is one of the whole chain, and a redirect is none.
func TestOneRetryOfAChain(t *testing.T) {
	var requests atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := requests.Add(1); {
		case n == 1, n == 4:
			status(503, "0")(w, r)
		case n < 4:
			http.Redirect(w, r, "/next", http.StatusFound)
		}
	})
	f := newFetcher(t, Options{})
	wantReason(t, fetchFrom(t.Context(), f, s.URL, ignore), ReasonFailed)
	if n := requests.Load(); n != 4 {
		t.Errorf("there were %d requests", n)
	}
}

// What use returns is never a reason to call it again.
func TestAnErrorOfUseIsNoReset(t *testing.T) {
	s, requests := failing(t, 0, nil)
	f := newFetcher(t, Options{})
	if err := fetchFrom(t.Context(), f, s.URL, func([]byte) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) || requests.Load() != 1 {
		t.Errorf("got %v after %d requests", err, requests.Load())
	}
}

// A pause holds none of the limits, so that other fetches go on, and ends with the context.
func TestAPauseHoldsNoLimit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			status(429, "50")(w, r)
		}
	})
	f := newFetcher(t, Options{AtOnce: 1, PerHost: 1, Timeout: time.Minute})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	cause := errors.New("the client disconnected")
	ended := make(chan error, 1)
	go func() { ended <- fetchFrom(ctx, f, s.URL+"/busy", ignore) }()
	for range 20 { // before, during or after the first request of the other: it never fails
		if err := f.Fetch(t.Context(), new(limit.Holder), s.URL, ignore); err != nil {
			t.Fatal(err)
		}
	}
	cancel(cause)
	if err := <-ended; !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	wantAllReleased(t, f)
}

func TestPausesCountAsTimeOfTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("busy")
		c := &chain{left: 10 * time.Second}
		since := time.Now()
		if err := c.pause(t.Context(), &temporary{cause, 3 * time.Second}); err != nil || c.left != 7*time.Second || time.Since(since) != 3*time.Second {
			t.Errorf("got %v, %s left after %s", err, c.left, time.Since(since))
		}
		if err := c.pause(t.Context(), &temporary{cause, 0}); !errors.Is(err, cause) {
			t.Errorf("the second retry: %v", err)
		}
		c = &chain{left: 10 * time.Second}
		if err := c.pause(t.Context(), &temporary{cause, 10 * time.Second}); !errors.Is(err, cause) {
			t.Errorf("a pause for all the time: %v", err)
		}
		c = &chain{left: -time.Second}
		if err := c.pause(t.Context(), &temporary{cause, 0}); !errors.Is(err, cause) {
			t.Errorf("a pause without any time: %v", err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": retryPause, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "soon": retryPause, "-1": retryPause, "1.5": retryPause,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"9999999999": 1 << 31 * time.Second, strings.Repeat("9", 400): 1 << 31 * time.Second,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%.40q: %s, not %s", value, got, want)
		}
	}
}
