package acceptance

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"penstock/engine"
	"penstock/llm/upstream"
	test "penstock/llm/upstream/upstreamtest"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// No header of a client reaches an upstream, whatever it holds, but the key of its Authorization,
// and that only where forward_authorization is set.
func TestUpstreamsGetNoHeaderOfClients(t *testing.T) {
	sent := map[string]string{
		"Authorization": "Bearer client-authorization", "X-Api-Key": "client-x-api-key", "Api-Key": "client-api-key",
		"Cookie": "session=client-cookie", "Proxy-Authorization": "Basic client-proxy", "X-Forwarded-For": "client-address",
		"Forwarded": "for=client-forwarded", "Referer": "http://client-referer", "User-Agent": "client-agent",
		"Openai-Organization": "client-organization", "X-Request-Id": "client-request-id", "Traceparent": "client-trace",
		"Te": "trailers", "X-Penstock-Anything": "client-anything", "Accept-Language": "client-language",
	}
	own := map[string]bool{
		"Accept": true, "Content-Type": true, "Content-Length": true, "User-Agent": true,
		"Cache-Control": true, "Connection": true, "Authorization": true,
	}
	for _, forward := range []bool{false, true} {
		u := test.New(test.Script{test.Answer(http.StatusOK, test.Completion("m"))})
		s := httptest.NewServer(u)
		defer s.Close()
		model, err := testmodel.Start(t.Context(), testmodel.Options{
			Permits: 1, Buffer: 8 << 20, Grace: server.Patience, Heartbeat: server.Patience, WriteTimeout: server.Patience, Retry: time.Second,
			Add: func(e *engine.Engine) error {
				_, err := upstream.Add(e, upstream.Config{
					Name:     "gpt",
					Servers:  []upstream.Server{{Name: "a", BaseURL: s.URL + "/v1", APIKey: secret, Model: "m", Weight: 1, ForwardAuthorization: forward}},
					Timeouts: longTimeouts(), Gate: engine.GateConfig{Permits: 2, Queue: 2, Timeout: server.Patience}, Log: slog.New(slog.DiscardHandler),
				})
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/models/gpt/generate"} {
			for _, stream := range []bool{false, true} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, model.URL+path, strings.NewReader(fmt.Sprintf(`{"model":"gpt","stream":%t,"prompt":"hi"}`, stream)))
				if err != nil {
					t.Fatal(err)
				}
				for name, value := range sent {
					r.Header.Set(name, value)
				}
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body) // only the request is of interest
				response.Body.Close()
			}
		}
		requests := u.Requests(true)
		if len(requests) < 8 {
			t.Fatalf("the upstream got %d requests", len(requests))
		}
		key := "Bearer " + secret
		if forward {
			key = sent["Authorization"]
		}
		for _, request := range requests {
			for name, values := range request.Header {
				switch {
				case name == "Traceparent" && values[0] == sent[name], forward && name == "Openai-Organization" && values[0] == sent[name]:
					continue // docs/upstreams.md has the headers that are passed on
				}
				if !own[name] || name != "Authorization" && strings.Contains(strings.Join(values, " "), "client-") {
					t.Errorf("%s: the upstream gets %s: %q", request.Path, name, values)
				}
			}
			if got := request.Header["Authorization"]; len(got) != 1 || got[0] != key {
				t.Errorf("forwarded %v: %s: the upstream gets the key %q", forward, request.Path, got)
			}
		}
	}
}
