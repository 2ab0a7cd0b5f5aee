package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/apierr"
	"penstock/clip/internal/limit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newFetcher makes a Fetcher that allows this machine's own servers, unless o has a list of its
// own.
func newFetcher(t *testing.T, o Options) *Fetcher {
	t.Helper()
	if o.Allow == nil {
		o.Allow = []string{"127.0.0.0/8"}
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func ignore([]byte) error { return nil }

// fetchFrom fetches as a request that holds no limit.
func fetchFrom(ctx context.Context, f *Fetcher, address string, use func([]byte) error) error {
	return f.Fetch(ctx, new(limit.Holder), address, use)
}

// wantReason checks that err is an *apierr.Error of that reason that shows no address of ours.
func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	var e *apierr.Error
	if !errors.As(err, &e) || e.Code != apierr.CodeInvalidInput || e.Reason != reason {
		t.Fatalf("error %v, not invalid_input/%s", err, reason)
	}
	if strings.Contains(e.Message, "127.") || strings.Contains(e.Message, "::") {
		t.Errorf("the message shows an address: %s", e.Message)
	}
}

func TestFetch(t *testing.T) {
	type seen struct {
		method string
		header http.Header
	}
	requests := make(chan seen, 2)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests <- seen{r.Method, r.Header}
		if r.URL.Path == "/old" {
			http.SetCookie(w, &http.Cookie{Name: "taste", Value: "sweet"})
			http.Redirect(w, r, "/new?a=b", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html") // ignored
		io.WriteString(w, "some bytes")
	})
	f := newFetcher(t, Options{UserAgent: "Penstock/1.2.3"})
	var got string
	if err := fetchFrom(t.Context(), f, " "+s.URL+"/old#part ", func(body []byte) error { got = string(body); return nil }); err != nil {
		t.Fatal(err)
	}
	if got != "some bytes" {
		t.Errorf("got %q", got)
	}
	for range 2 {
		r := <-requests
		if r.method != "GET" || r.header.Get("User-Agent") != "Penstock/1.2.3" {
			t.Errorf("it sent %s as %q", r.method, r.header.Get("User-Agent"))
		}
		if got := r.header.Get("Accept"); got != "*/*" {
			t.Errorf("it accepts %q", got)
		}
		for _, name := range []string{"Referer", "Authorization", "Accept-Encoding"} {
			if v, ok := r.header[name]; ok {
				t.Errorf("it sent %s: %s", name, v)
			}
		}
	}
}

func TestTheErrorOfUseIsReturned(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {})
	f := newFetcher(t, Options{})
	mine := errors.New("mine")
	if err := fetchFrom(t.Context(), f, s.URL, func([]byte) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	wantAllReleased(t, f)
}

func TestBadURLs(t *testing.T) {
	f := newFetcher(t, Options{})
	for _, address := range []string{
		"", "cat.jpg", "//example.com/cat.jpg", "http://", "http:///cat.jpg", "https:cat.jpg", "http://:80/", "file:///etc/passwd",
		"ftp://example.com/cat.jpg", "gopher://example.com/", "javascript:alert(1)", "data:image/png;base64,AAAA", "unix:///run/x",
		"http://user:secret@example.com/", "https://user@example.com/", "http://exa mple.com/", "http://example.com:0/",
		"http://example.com:99999/", "http://example.com:abc/", "http://[::1/", "http://example.com/%zz", "http://a\x00b/",
		"http://example.com/" + strings.Repeat("a", maxURL), strings.Repeat("a", 1<<20) + "://example.com/",
		`http://example.com\@127.0.0.1/`, "http://127.0.0.1\r\nX: y/",
	} {
		t.Run(address[:min(len(address), 40)], func(t *testing.T) {
			err := fetchFrom(t.Context(), f, address, ignore)
			wantReason(t, err, ReasonBadURL)
			if len(err.Error()) > 200 {
				t.Errorf("the refusal has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if left, ok := strings.CutPrefix(r.URL.Path, "/hops/"); ok && left != "" {
			http.Redirect(w, r, "/hops/"+left[1:], http.StatusTemporaryRedirect)
			return
		}
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		if r.URL.Path == "/nowhere" {
			w.WriteHeader(http.StatusFound)
		}
	})
	f := newFetcher(t, Options{})
	if err := fetchFrom(t.Context(), f, s.URL+"/hops/xxxxx", ignore); err != nil {
		t.Errorf("five redirects: %v", err)
	}
	for path, reason := range map[string]string{
		"/hops/xxxxxx":                          ReasonTooManyRedirects,
		"/nowhere":                              ReasonBadURL,
		"/?to=file:///etc/passwd":               ReasonBadURL,
		"/?to=http://user:secret@127.0.0.1/":    ReasonBadURL,
		"/?to=http://%2500":                     ReasonBadURL,
		"/?to=http://10.0.0.1/":                 ReasonAddressNotAllowed,
		"/?to=http://169.254.169.254/latest":    ReasonAddressNotAllowed,
		"/?to=http://[::1]/":                    ReasonAddressNotAllowed,
		"/?to=//192.168.1.1/":                   ReasonAddressNotAllowed,
		"/?to=http://[::ffff:10.0.0.1]/cat.jpg": ReasonAddressNotAllowed,
		"/?to=http://93.184.215.14:25/cat.jpg":  ReasonAddressNotAllowed,
		"/?to=http://[64:ff9b::a00:1]/cat.jpg":  ReasonAddressNotAllowed,
	} {
		t.Run(path, func(t *testing.T) { wantReason(t, fetchFrom(t.Context(), f, s.URL+path, ignore), reason) })
	}
}

func TestBadResponses(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/failing":
			w.WriteHeader(http.StatusInternalServerError)
		case "/no-content":
			w.WriteHeader(http.StatusNoContent)
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "not that much")
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/large":
			w.Header().Set("Content-Length", "1001")
			w.(http.Flusher).Flush()
			<-r.Context().Done() // refused by its length, without waiting for the rest
		case "/endless":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 100))
			}
		case "/large-head":
			w.Header().Set("X-Filler", strings.Repeat("x", 100<<10))
		case "/many-heads":
			w.Header().Set("Link", strings.Repeat("x", 1<<10))
			for range 100 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		case "/just-fits":
			w.Write(make([]byte, 1000))
		}
	})
	f := newFetcher(t, Options{MaxSize: 1000})
	for path, reason := range map[string]string{
		"/missing": ReasonFailed, "/failing": ReasonFailed, "/no-content": ReasonFailed, "/cut": ReasonFailed,
		"/broken": ReasonFailed, "/large": ReasonTooLarge, "/endless": ReasonTooLarge,
		"/large-head": ReasonFailed, "/many-heads": ReasonFailed,
	} {
		t.Run(path, func(t *testing.T) { wantReason(t, fetchFrom(t.Context(), f, s.URL+path, ignore), reason) })
	}
	if err := fetchFrom(t.Context(), f, s.URL+"/just-fits", ignore); err != nil {
		t.Error(err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	wantReason(t, fetchFrom(t.Context(), f, gone.URL, ignore), ReasonFailed)
}

// A body is what its framing makes of the bytes; a response with wrong framing is an error.
func TestBodiesAreFramedStrictly(t *testing.T) {
	for response, want := range map[string]string{
		"Content-Length: 3\r\n\r\ncat and more":                                         "cat",
		"Content-Length: 3\r\nContent-Length: 3\r\n\r\ncat":                             "cat",
		"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\ncat\r\n0\r\n\r\n":  "cat",
		"Content-Length: 3\r\nContent-Length: 4\r\n\r\ncats":                            "",
		"Content-Length: -1\r\n\r\ncat":                                                 "",
		"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\ncat\r\n0\r\n\r\n":                 "",
		"Transfer-Encoding: chunked\r\n\r\n3\r\ncat\r\n":                                "",
		"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\ncat\r\n0\r\n\r\n":       "",
		"Transfer-Encoding: chunked\r\n\r\n3;" + strings.Repeat("x", 8<<10) + "\r\ncat": "",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+response)
			conn.Close()
		})
		f := newFetcher(t, Options{MaxSize: 1000})
		got := ""
		err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got = string(body); return nil })
		if got != want {
			t.Errorf("%q is %q (%v)", response, got, err)
		}
		if want == "" {
			wantReason(t, err, ReasonFailed)
		}
	}
}

// A body that never ends is dropped after the timeout, or when the context ends.
func TestSlowResponses(t *testing.T) {
	begun := make(chan struct{}, 2)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
	})
	t.Run("timeout", func(t *testing.T) {
		f := newFetcher(t, Options{Timeout: 50 * time.Millisecond})
		wantReason(t, fetchFrom(t.Context(), f, s.URL, ignore), ReasonTimeout)
	})
	t.Run("canceled", func(t *testing.T) {
		f := newFetcher(t, Options{})
		cause := errors.New("the client disconnected")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-begun; cancel(cause) }() // it may have begun in the first subtest, which does not matter
		if err := fetchFrom(ctx, f, s.URL, ignore); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

// A connection whose handshake never ends does not outlive its fetch. Otherwise a server that
// accepts connections and sends nothing could accumulate them, however few fetches run at once.
func TestAHandshakeThatNeverEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, accepted := make(chan error, 1), make(chan struct{})
	go func() {
		conn, err := l.Accept()
		close(accepted)
		if err == nil {
			_, err = io.Copy(io.Discard, conn) // to its end
			conn.Close()
		}
		closed <- err
	}()
	f := newFetcher(t, Options{Timeout: 50 * time.Millisecond})
	for connected := false; !connected; { // a busy machine may spend all its time before it dials
		wantReason(t, fetchFrom(t.Context(), f, "https://"+l.Addr().String(), ignore), ReasonTimeout)
		select {
		case <-accepted:
			connected = true
		default:
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
