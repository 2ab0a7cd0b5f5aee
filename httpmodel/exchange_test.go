package httpmodel_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"penstock/engine"
	"penstock/httpmodel"
	"penstock/memory"
	"penstock/outbound"
)

func TestListedHeadersOfClientsArePassedOn(t *testing.T) {
	headers := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s", r.Header.Get("Traceparent"), r.Header.Get("X-Mine"), r.Header.Get("Cookie"), r.Header.Get("X-Set"))
	}
	for want, forward := range map[string][]string{"t|||set": nil, "|m||set": {"X-Mine", "X-Set"}, "|||set": {}} {
		c := config()
		c.Forward = forward
		c.Preprocess, c.Predict = at(serve(t, echo)), at(serve(t, headers))
		c.Predict.Connection = outbound.Config{Headers: map[string]string{"X-Set": "set"}}
		f := start(t, c)
		got := f.Do("POST", "/v1/models/m:predict", "1", "Traceparent", "t", "X-Mine", "m", "Cookie", "c=1", "X-Set", "other")
		if got.Body != want {
			t.Errorf("%v: %s, want %s", forward, got.Body, want)
		}
	}
}

// Those that Penstock has a value of its own for are passed on as well, if they are listed.
func TestListedHeadersReplacePenstocksOwn(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Accept"), "|", r.Header.Get("User-Agent"))
	}))
	for want, forward := range map[string][]string{"image/png|cats/1": {"Accept", "user-agent"}, "*/*|penstock": nil} {
		c.Forward = forward
		if got := start(t, c).Do("POST", "/v1/models/m:predict", "1", "Accept", "image/png", "User-Agent", "cats/1"); got.Body != want {
			t.Errorf("%v: %s, want %s", forward, got.Body, want)
		}
	}
}

// A key that has no scheme is one too.
func TestAForwardedKeyWithoutASchemeIsNotShown(t *testing.T) {
	c := config()
	c.Forward = []string{"Authorization"}
	c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		fmt.Fprintf(w, `{"error": "bad key %s"}`, r.Header.Get("Authorization"))
	}))
	got := start(t, c).Do("POST", "/v1/models/m:predict", "1", "Authorization", "secret-0123456789")
	if e := got.Error(t); e.Message != "bad key [key]" {
		t.Errorf("%d %+v", got.Status, e)
	}
}

// A server that is slow with the body of an error has no more time than one that is slow with a
// result.
func TestASlowBodyOfAnErrorTimesOut(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(400)
		write(w, "1")
		<-r.Context().Done()
	}))
	c.Predict.Timeout = 50 * time.Millisecond
	f := start(t, c)
	got := f.Post("/v1/models/m:predict", "1")
	if e := got.Error(t); got.Status != 504 || !strings.Contains(e.Message, "within 50ms") {
		t.Errorf("%d %+v", got.Status, e)
	}
}

// HTTP/2 says where a body ends, too, and that it was broken off.
func TestHTTP2EndsBodies(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("it is %s", r.Proto)
		}
		write(w, "{\"text\":\"a\"}\n")
		if r.URL.Query().Has("cut") {
			panic(http.ErrAbortHandler)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	c := config()
	c.Predict, c.Stream = at(s.URL), streamAt(httpmodel.FormatJSON, s.URL)
	c.Predict.Connection.InsecureSkipVerify, c.Stream.Connection.InsecureSkipVerify = true, true
	f := start(t, c)
	if got := f.events("/v1/models/m/stream"); got != ":{\"text\":\"a\"}\n"+wellDone {
		t.Errorf("whole: %s", got)
	}
	if got := f.events("/v1/models/m/stream?cut=1"); strings.Contains(got, "done:") || !strings.Contains(got, "upstream_cut") {
		t.Errorf("cut: %s", got)
	}
	if got := f.Post("/v1/models/m:predict", "1"); got.Status != 200 {
		t.Errorf("whole: %d %s", got.Status, got.Body)
	}
	if got := f.Post("/v1/models/m:predict?cut=1", "1"); got.Status != 502 {
		t.Errorf("cut: %d %s", got.Status, got.Body)
	}
}

func TestCompressedResponsesAreDecompressed(t *testing.T) {
	c := config()
	c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		encoding := r.URL.Query().Get("e")
		w.Header().Set("Content-Encoding", encoding)
		z := gzip.NewWriter(w)
		io.WriteString(z, strings.Repeat("x", 1<<20))
		if r.URL.Query().Has("more") {
			io.WriteString(z, "x")
		}
		z.Close()
	}))
	f := start(t, c)
	if got := f.Post("/v1/models/m:predict?e=gzip", "1"); got.Status != 200 || len(got.Body) != 1<<20 {
		t.Errorf("%d, %d bytes", got.Status, len(got.Body))
	}
	for _, query := range []string{"e=gzip&more=1", "e=br"} {
		if got := f.Post("/v1/models/m:predict?"+query, "1"); got.Status != 502 {
			t.Errorf("%s: %d, %d bytes", query, got.Status, len(got.Body))
		}
	}
}

// What follows the last event is read, so that the connection serves the next request.
func TestConnectionsAreUsedAgain(t *testing.T) {
	for format, body := range map[httpmodel.Format]string{httpmodel.FormatSSE: "data: 1\n\ndata: [DONE]\n\n", httpmodel.FormatText: "a"} {
		var connections atomic.Int64
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w, body) }))
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		s.Start()
		t.Cleanup(s.Close)
		c := config()
		c.Stream = streamAt(format, s.URL)
		f := start(t, c)
		for range 20 {
			if got := f.events("/v1/models/m/stream"); !strings.HasSuffix(got, wellDone) {
				t.Errorf("%s", got)
			}
		}
		if n := connections.Load(); n > 10 { // the next request may come before the rest is read
			t.Errorf("%s: %d connections for 20 streams", format, n)
		}
	}
}

// What a step has given is held until its request is over.
func TestResponsesAreReserved(t *testing.T) {
	size := 300 << 10
	big := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", size)) })
	e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}})
	c := config()
	c.Preprocess, c.Predict = at(big), at(big)
	m, err := httpmodel.Add(e, c)
	if err != nil {
		t.Fatal(err)
	}
	<-e.Load(t.Context())
	t.Cleanup(func() { e.Close() })
	predict := func(budget *memory.Budget) (used int64, err error) {
		ctx, end := context.WithCancel(memory.With(t.Context(), budget.Account("a")))
		v, _ := m.Verb("predict")
		call, err := v.Admit(engine.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = call.Predict(ctx, engine.Input{Body: []byte("1")})
		used = budget.Snapshot().Used
		call.Close()
		end()
		return used, err
	}
	budget := memory.New(16 << 20)
	if used, err := predict(budget); err != nil || used < int64(2*size) {
		t.Errorf("%d bytes are reserved for two responses of %d: %v", used, size, err)
	}
	for budget.Snapshot().Used != 0 { // the end of a context is noticed in a goroutine
		runtime.Gosched()
	}
	if _, err := predict(memory.New(256 << 10)); err == nil || !strings.Contains(err.Error(), "memory_exhausted") {
		t.Errorf("without memory: %v", err)
	}
}
