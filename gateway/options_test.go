package gateway_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
	"penstock/gateway"
	"penstock/test/memnet"
)

// A Gateway that is given an engine and nothing else serves, with the defaults that Options names.
func TestTheZeroOptionsServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan struct{})
		e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 2}, Accept: gateway.AcceptVerb})
		words(steps)(e)
		doubler(func(_ context.Context, n int) (int, error) { return 2 * n, nil })(e)
		<-e.Load(t.Context())
		s := &server{Engine: e, Gateway: gateway.New(gateway.Options{Engine: e})}
		l := memnet.Listen()
		client := l.Client()
		s.serve(t, l, client)

		first := listen(t, client, "GET", "http://localhost/v1/models/words/stream?prompt=one", "")
		time.Sleep(16 * time.Second) // virtual; one heartbeat
		steps <- struct{}{}
		if got := first.whole(t); !strings.Contains(got, "\nretry: 2000\n") || strings.Count(got, ": keep-alive\n") != 1 || !strings.Contains(got, "event: done") {
			t.Errorf("stream: %s", got)
		}
		if w := s.record(request("POST", "/v1/models/org/doubler:predict", "21")); w.Code != 200 || w.Body.String() != "42" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("predict: %d %s", w.Code, w.Body)
		}
		r := request("POST", "/v1/models/org/doubler:predict", "1")
		r.ContentLength = 20<<20 + 1
		if w := s.record(r); w.Code != 413 || !strings.Contains(w.Body.String(), "20 MiB") {
			t.Errorf("a body too large: %d %s", w.Code, w.Body)
		}
		if w := s.record(request("GET", "/metrics", "")); w.Code != 200 || !strings.Contains(w.Body.String(), `penstock_http_requests_total{code="200"`) {
			t.Errorf("metrics: %d", w.Code)
		}
		if w := s.record(request("GET", "/", "")); w.Code != 404 {
			t.Errorf("a playground: %d", w.Code)
		}

		go func() { steps <- struct{}{} }()
		_, url := create(t, s, "one")
		synctest.Wait()
		time.Sleep(59 * time.Second)
		if w := s.record(request("GET", url, "")); w.Code != 200 {
			t.Errorf("within the window: %d", w.Code)
		}
		time.Sleep(2 * time.Second)
		if w := s.record(request("GET", url, "")); w.Code != 404 {
			t.Errorf("after the window: %d", w.Code)
		}
	})
}

func TestAGatewayNeedsAnEngine(t *testing.T) {
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "Options.Engine") {
			t.Errorf("New panicked with %v", p)
		}
	}()
	gateway.New(gateway.Options{})
	t.Error("New returned")
}
