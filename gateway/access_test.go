package gateway_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/gateway"
	"penstock/test/memnet"
)

// accessLine returns the attributes of the last request's line.
func (s *server) accessLine(t *testing.T) map[string]string {
	t.Helper()
	log := s.log.String()
	at := strings.LastIndex(log, "msg=request ")
	if at < 0 {
		t.Fatalf("there is no line:\n%s", log)
	}
	line, _, _ := strings.Cut(log[at:], "\n")
	attributes := map[string]string{}
	for _, m := range regexp.MustCompile(`([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)`).FindAllStringSubmatch(line, -1) {
		attributes[m[1]] = strings.Trim(m[2], `"`)
	}
	return attributes
}

// hasAttributes checks attributes, given as names and values; the value "…" is any.
func hasAttributes(t *testing.T, line map[string]string, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		got, ok := line[want[i]]
		if !ok && want[i+1] != "" || want[i+1] != "…" && got != want[i+1] {
			t.Errorf("%s=%q, want %q, in %v", want[i], got, want[i+1], line)
		}
	}
}

func TestARequestsLineHasWhatItCameTo(t *testing.T) {
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) { o.Log = o.Log.With("server", "a") })
	chat := func(stream, text string) string {
		return `{"model":"words","stream":` + stream + `,"messages":[{"role":"user","content":"` + text + `"}]}`
	}
	for _, c := range []struct {
		r    *http.Request
		want []string
	}{
		{request("POST", chatPath, chat("true", "Once upon a time"), "X-Request-Id", "id-1"), []string{
			"request_id", "id-1", "client", "192.0.2.1", "method", "POST", "route", "/v1/chat/completions", "status", "200", "outcome", "done", "model", "words",
			"queued", "…", "first_chunk", "…", "chunks", "4", "prompt_tokens", "1", "completion_tokens", "4", "bytes", "…", "took", "…", "code", "", "caller", "",
		}},
		{request("POST", chatPath, chat("false", "Once upon")), []string{
			"status", "200", "outcome", "done", "first_chunk", "…", "chunks", "2", "prompt_tokens", "1", "completion_tokens", "2", "queued", "…",
		}},
		{request("GET", "/v1/models/words/stream?prompt=Once+upon", ""), []string{"outcome", "done", "chunks", "2", "completion_tokens", "2"}},
		{request("POST", "/v1/models/words:predict", `{"prompt":"Once upon"}`), []string{"outcome", "done", "chunks", "2", "completion_tokens", "2"}},
		{request("POST", chatPath, chat("true", "Once FAIL")), []string{"status", "200", "outcome", "failed", "code", "upstream_cut", "chunks", "1"}},
		{request("POST", chatPath, chat("false", "FAIL")), []string{"status", "502", "outcome", "failed", "code", "upstream_cut", "chunks", "", "queued", "…"}},
		{request("POST", chatPath, chat("false", "PANIC")), []string{"status", "500", "outcome", "failed", "code", "internal"}},
		{request("POST", chatPath, `{"model":"none","messages":[]}`), []string{"status", "404", "outcome", "refused", "code", "model_not_found", "queued", "", "model", ""}},
		{request("POST", chatPath, `{`), []string{"status", "400", "outcome", "refused", "code", "invalid_json"}},
		{request("GET", "/nowhere", ""), []string{"status", "404", "outcome", "refused", "code", "not_found", "route", "other"}},
		{from(request("GET", "/nowhere", ""), "[2001:db8::7]:5"), []string{"client", "2001:db8::7", "caller", "2001:db8::/64"}},
	} {
		func() {
			defer func() { _ = recover() }() // a response that is broken off
			s.record(c.r)
		}()
		hasAttributes(t, s.accessLine(t), c.want...)
	}
	if got := metrics(s); !strings.Contains(got, `penstock_requests_refused_total{code="not_found"} 2`) {
		t.Error("refused requests are not counted")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func from(r *http.Request, address string) *http.Request {
	r.RemoteAddr = address
	return r
}

func TestTheLinesOfQueuedAndCanceledRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 1, words(steps))
		l := memnet.Listen()
		end := s.begunOn(t, l)
		client := l.Client()
		open := func(path string) (*http.Response, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := http.NewRequestWithContext(ctx, "GET", "http://localhost"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			return res, cancel
		}
		const path = "/v1/models/words/stream?prompt=one+two"
		go func() { steps <- struct{}{} }()
		first, leave := open(path)
		second, stay := open(path) // it is queued
		if refused, _ := open(path); refused.StatusCode != http.StatusTooManyRequests {
			t.Errorf("a third: %d", refused.StatusCode)
		}
		hasAttributes(t, s.accessLine(t), "outcome", "refused", "code", "queue_full", "status", "429")
		time.Sleep(3 * time.Second) // virtual
		leave()
		synctest.Wait()
		hasAttributes(t, s.accessLine(t), "outcome", "canceled", "code", "canceled", "status", "200", "chunks", "1", "took", "3s")
		time.Sleep(5 * time.Second) // virtual; the lease of the first runs out
		close(steps)
		if _, err := io.Copy(io.Discard, second.Body); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		hasAttributes(t, s.accessLine(t), "outcome", "done", "chunks", "2", "queued", "…")
		if queued := s.accessLine(t)["queued"]; queued == "0s" {
			t.Error("it was not queued")
		}
		stay()
		first.Body.Close()
		client.CloseIdleConnections()
		end()
	})
}

func TestTheLineOfACanceledStreamHasItsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		s := newServer(t, 1, 0, words(steps))
		client := s.inMemory(t)
		go func() { steps <- struct{}{} }()
		res, err := client.Post("http://localhost"+chatPath, "application/json", strings.NewReader(`{"model":"words","stream":true,"messages":[{"role":"user","content":"one two"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		res.Body.Close()
		synctest.Wait()
		hasAttributes(t, s.accessLine(t), "outcome", "canceled", "chunks", "1", "prompt_tokens", "1", "completion_tokens", "1", "took", "0s")
	})
}

func TestTheLineOfABodyThatTookTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil))
		client := s.inMemory(t)
		body, more := io.Pipe()
		defer more.Close()
		res, err := client.Post("http://localhost"+chatPath, "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		hasAttributes(t, s.accessLine(t), "outcome", "refused", "code", "body_timeout", "status", "408")
		res.Body.Close()
	})
}

func TestTheLineOfAStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 0, words(nil), func(o *gateway.Options) { o.Buffer = 64 << 20 })
		client := s.inMemory(t)
		res, err := client.Post("http://localhost/v1/models/words/stream", "application/json", strings.NewReader(`{"prompt":"`+strings.Repeat("word ", 70_000)+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(13 * time.Second) // virtual
		hasAttributes(t, s.accessLine(t), "outcome", "cut", "code", "write_timeout", "chunks", "…")
		res.Body.Close()
	})
}

func TestContentsAreBoundedInTheLog(t *testing.T) {
	s := newServer(t, 1, 1, words(nil), func(o *gateway.Options) { o.LogContent = true })
	s.record(request("POST", "/v1/models/words:predict", `{"prompt":"`+strings.Repeat("wörd ", 10_000)+`"}`))
	line := s.accessLine(t)
	for _, name := range []string{"request", "response"} {
		if n := len(line[name]); n < 16<<10 || n > 18<<10 || !strings.Contains(line[name], "wörd") || !strings.HasSuffix(line[name], "…") {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
	s.record(request("POST", "/v1/models/words:predict", "\xff\xd8\xff", "Content-Type", "image/jpeg"))
	hasAttributes(t, s.accessLine(t), "request", "(no text)")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
