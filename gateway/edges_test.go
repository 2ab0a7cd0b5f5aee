package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"penstock/dialect"
	"penstock/engine"
)

func TestHeadRequestsErrorShapesAndMediaTypes(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for _, path := range []string{"/", "/js/app.js", "/healthz", "/readyz", "/metrics", "/v1/models"} {
		if w := s.record(request("HEAD", path, "")); w.Code != 200 {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	for _, w := range []struct{ body string }{
		{s.record(request("GET", chatPath, "")).Body.String()},
		{s.record(request("POST", chatPath, "{}", "Origin", "https://evil.example")).Body.String()},
		{s.record(host(request("POST", chatPath, "{}"), "evil.example")).Body.String()},
	} {
		if !strings.Contains(w.body, `"type":"`) || strings.Contains(w.body, "request_id") {
			t.Errorf("not an error in OpenAI's shape: %s", w.body)
		}
	}
	w := s.record(request("GET", "/v1/models/words/stream?prompt=Once+upon", "", "Accept", "application/json"))
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"output":"Once upon"`) {
		t.Errorf("a stream requested as JSON: %d %s", w.Code, w.Body)
	}
	w = s.record(request("POST", "/v1/models/words:predict", `{"prompt":"a <b> & c"}`, "Content-Type", "application/x-www-form-urlencoded"))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "a <b> & c") {
		t.Errorf("curl -d: %d %s", w.Code, w.Body)
	}
	w = s.record(request("POST", "/v1/models/words:predict", strings.Repeat(" ", 1<<20+1)))
	if !strings.Contains(w.Body.String(), "larger than the 1 MiB") {
		t.Errorf("a body too large: %s", w.Body)
	}
	if w := s.record(request("GET", "/v1/models/", "")); w.Code != 404 || code(t, w.Body) != "not_found" {
		t.Errorf("a model without a name: %d", w.Code)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestMonitoringRequestsAreNotLogged(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/v1/models", "/v2/health/live", "/v2/health/ready", "/v2/models/words/ready"} {
		if w := s.record(request("GET", path, "")); w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if log := s.log.String(); strings.Contains(log, "msg=request") {
		t.Errorf("the log: %s", log)
	}
	s.record(request("GET", "/v2/models/words", ""))
	if log := s.log.String(); !strings.Contains(log, "route=/v2/models/{name} ") {
		t.Errorf("a request for a model is missing in the log: %q", log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAReaderAtAnInvalidPositionIsNotCountedAsDropped(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	id, url := create(t, s, "one")
	if w := s.record(request("GET", url, "", "Last-Event-ID", id+"-99")); w.Code != 410 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(metrics(s), "penstock_stream_readers_dropped_total{") {
		t.Error("counted as dropped")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// stuck is a connection whose reader takes nothing: its flush fails.
type stuck struct{ recorder }

func (stuck) FlushError() error { return os.ErrDeadlineExceeded }

func TestAFailedFlushBreaksTheConnectionOff(t *testing.T) {
	s := newServer(t, 1, 1, words(nil))
	for path, body := range map[string]string{
		"/v1/models/words/stream": `{"prompt":"word"}`,
		chatPath:                  `{"model":"words","stream":true,"messages":[{"role":"user","content":"word"}]}`,
	} {
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("%s: not broken off: %v", path, err)
				}
			}()
			s.ServeHTTP(stuck{recorder{httptest.NewRecorder()}}, request("POST", path, body))
		}()
	}
	if got := metrics(s); !strings.Contains(got, `penstock_stream_readers_dropped_total{reason="write_timeout"} 2`) {
		t.Error("not both are counted as stuck")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Verbs are listed by the names that routes have, and the weights of Accept count.
func TestTheVerbsOfAModelAndTheWeightsOfAccept(t *testing.T) {
	s := newServer(t, 1, 1, func(e *engine.Engine) {
		words(nil)(e)
		counter(e)
		tensors(nil)(e)
		remote(e)
		m, _ := e.Model("remote")
		engine.Predicts(m, "embed", engine.Predictor[*dialect.EmbeddingCall, *dialect.EmbeddingCall, *dialect.EmbeddingResponse, *dialect.EmbeddingResponse]{
			Preprocess:  same[*dialect.EmbeddingCall],
			Predict:     func(context.Context, *dialect.EmbeddingCall) (*dialect.EmbeddingResponse, error) { return nil, nil },
			Postprocess: same[*dialect.EmbeddingResponse],
		})
	})
	for name, want := range map[string]string{
		"words":   `["predict","stream","chat","complete","responses"]`,
		"remote":  `["predict","stream","chat","complete","responses","embed"]`,
		"counter": `["predict","stream"]`,
		"org/sum": `["infer"]`,
	} {
		if w := s.record(request("GET", "/v1/models/"+name, "")); !strings.Contains(w.Body.String(), `"verbs":`+want) {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	for accept, events := range map[string]bool{
		"":                  false,
		"text/event-stream": true,
		"application/json, text/event-stream;q=0.1": false,
		"application/json;q=0.5, text/event-stream": true,
		"application/json, text/event-stream;q=0.0": false,
		"application/json, text/event-stream":       true,
	} {
		w := s.record(request("POST", "/v1/models/words:predict", `{"prompt":"one"}`, "Accept", accept))
		if got := strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream"); w.Code != 200 || got != events {
			t.Errorf("Accept %q: %d %s", accept, w.Code, w.Body)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
