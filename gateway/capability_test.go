package gateway_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/auth"
	"penstock/gateway"
)

func TestAStreamsAddressIsACapability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{}, 100)
		s := newServer(t, 5, 5, all(steps), withKeys(t, map[string]auth.Limits{"a": {Streams: 1}, "b": {}}))
		client := s.inMemory(t)
		do := func(method, path, body string, headers ...string) *http.Response {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { res.Body.Close() })
			return res
		}
		create := func() *http.Response {
			return do("POST", "/v1/streams", `{"model":"words","input":{"prompt":"one two"}}`, "X-Api-Key", "of-a")
		}
		url := create().Header.Get("Location")
		if res := create(); res.StatusCode != 429 {
			t.Fatalf("a second stream at once: %d", res.StatusCode)
		}
		if res := do("DELETE", url, ""); res.StatusCode != 401 {
			t.Errorf("DELETE without a key: %d", res.StatusCode)
		}
		if res := do("DELETE", url, "", "X-Api-Key", "of-b"); res.StatusCode != 403 {
			t.Errorf("DELETE with another key: %d", res.StatusCode)
		}
		steps <- struct{}{}
		steps <- struct{}{}
		if body := listen(t, client, "GET", "http://localhost"+url, "").whole(t); !strings.Contains(body, "event: done") {
			t.Errorf("read without a key: %s", body)
		}
		id := strings.TrimPrefix(url, "/v1/streams/")
		for path, status := range map[string]int{
			"/v1/models/words/stream":   200,
			"/v1/models/remote/stream":  400, // of another model
			"/v1/models/nothing/stream": 400, // and no word on whether there is such a model
		} {
			if res := do("GET", path, "", "Last-Event-ID", id+"-1"); res.StatusCode != status {
				t.Errorf("%s with Last-Event-ID: %d", path, res.StatusCode)
			}
		}
		if res := do("GET", "/v1/models/words/stream", "", "Last-Event-ID", strings.Repeat("0", 32)+"-1"); res.StatusCode != 404 {
			t.Errorf("another id: %d", res.StatusCode)
		}
		// The place is free again: when the stream has ended, was deleted, or its reader has gone.
		url = create().Header.Get("Location")
		if res := do("DELETE", url, "", "X-Api-Key", "of-a"); res.StatusCode != 204 {
			t.Errorf("DELETE with its key: %d", res.StatusCode)
		}
		synctest.Wait()
		l := listen(t, client, "POST", "http://localhost/v1/models/words/stream", `{"prompt":"x"}`, "X-Api-Key", "of-a")
		synctest.Wait()
		if res := create(); res.StatusCode != 429 {
			t.Errorf("beside a plain stream: %d", res.StatusCode)
		}
		l.leave()
		synctest.Wait()
		if res := create(); res.StatusCode != 201 {
			t.Errorf("after its reader has gone: %d", res.StatusCode)
		}
		close(steps)
		time.Sleep(2 * time.Minute) // the window
		if res := do("GET", url, ""); res.StatusCode != 404 {
			t.Errorf("after the window: %d", res.StatusCode)
		}
	})
}

func TestAStreamEndsWhenItsKeyIsRevoked(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "keys")
		write := func(text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("a b")
		o := auth.Options{File: path, Parse: func(text []byte) (keys []auth.Key, err error) {
			for name := range strings.FieldsSeq(string(text)) {
				keys = append(keys, auth.Key{Name: name, SHA256: auth.Digest("of-" + name)})
			}
			return keys, nil
		}}
		a, err := auth.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); a.Run(ctx) }()
		defer func() { stop(); <-ended }()

		steps := make(chan struct{})
		s := newServer(t, 5, 5, all(steps), func(o *gateway.Options) { o.Auth = a })
		client := s.inMemory(t)
		w := s.record(request("POST", "/v1/streams", `{"model":"words","input":{"prompt":"one two"}}`, "X-Api-Key", "of-a"))
		url := w.Header().Get("Location")
		reader := listen(t, client, "GET", "http://localhost"+url, "")
		plain := listen(t, client, "POST", "http://localhost"+chatPath, chatBody(true, "x"), "X-Api-Key", "of-a")
		other := listen(t, client, "POST", "http://localhost"+chatPath, chatBody(true, "x"), "X-Api-Key", "of-b")
		synctest.Wait()
		write("b")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if body := reader.whole(t); !strings.Contains(body, "event: failed") || !strings.Contains(body, "canceled") {
			t.Errorf("a reader of a revoked key's stream: %s", body)
		}
		<-plain.over
		select {
		case <-other.over:
			t.Error("another key's stream has ended")
		default:
		}
		if res := s.record(request("GET", url, "")); res.Code != 404 {
			t.Errorf("the address of a revoked key's stream: %d", res.Code)
		}
		close(steps)
		other.whole(t)
	})
}
