package httpmodel_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"penstock/engine"
	"penstock/httpmodel"
)

func TestHealthDecidesWhetherRequestsAreServed(t *testing.T) {
	var status atomic.Int64
	status.Store(503)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			w.WriteHeader(int(status.Load()))
			_, _ = w.Write([]byte(`{"detail": "warming up"}`))
			return
		}
		echo(w, r)
	})
	c := config()
	c.Predict = at(url)
	c.Health = &httpmodel.Health{URL: url + "/health", Interval: 5 * time.Millisecond, Timeout: time.Minute}
	f := start(t, c)
	state := func(want engine.State, ready, reason, code string) {
		t.Helper()
		f.WaitFor("the model to be "+string(want), func() bool {
			s := f.engine.Snapshot().Models[0]
			return s.State == want && s.Reason == reason
		})
		got := f.Get("/readyz")
		if !strings.Contains(got.Body, `"status":"`+ready+`"`) || !strings.Contains(got.Body, reason) || (got.Status == 200) != (want == engine.StateReady) {
			t.Errorf("/readyz: %d %s", got.Status, got.Body)
		}
		if r := f.Post("/v1/models/m:predict", "1"); code == "" && r.Status != 200 ||
			code != "" && (r.Status != 503 || r.Error(t).Code != code || r.Header.Get("Retry-After") == "") {
			t.Errorf("%s: %d %s", want, r.Status, r.Body)
		}
	}
	const why = "the health check got status 503: warming up"
	state(engine.StateLoading, "loading", why, "model_loading")
	status.Store(204)
	state(engine.StateReady, "ready", "", "")
	status.Store(503)
	state(engine.StateUnhealthy, "unhealthy", why, "model_unhealthy")
	// Its body is not read before: net/http asks for none of it.
	body := strings.NewReader(strings.Repeat("x", 1<<20))
	r, err := http.NewRequestWithContext(t.Context(), "POST", f.URL+"/v1/models/m:predict", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	response, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(r)
	if err != nil || response.StatusCode != 503 || body.Len() != 1<<20 {
		t.Errorf("%v, %v, %d bytes left", response, err, body.Len())
	}
	if err == nil {
		response.Body.Close()
	}
	status.Store(200)
	state(engine.StateReady, "ready", "", "")
}

func TestAServerThatIsNotThereYet(t *testing.T) {
	c := config()
	c.Predict = at("http://127.0.0.1:1")
	c.Health = &httpmodel.Health{URL: "http://127.0.0.1:1/health", Interval: 5 * time.Millisecond, Timeout: time.Minute}
	f := start(t, c)
	f.WaitFor("a check", func() bool { return f.engine.Snapshot().Models[0].Reason != "" })
	if got := f.Get("/readyz"); got.Status != 503 || !strings.Contains(got.Body, "connection refused") || !strings.Contains(got.Body, `"status":"loading"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// One server that is missing keeps no other model from traffic.
func TestAMissingServerHoldsUpNoOtherModel(t *testing.T) {
	c := config()
	c.Predict = at("http://127.0.0.1:1")
	c.Health = &httpmodel.Health{URL: "http://127.0.0.1:1/health", Interval: 5 * time.Millisecond, Timeout: time.Minute}
	f := startWith(t, c, time.Minute, "other")
	f.WaitFor("a check", func() bool { return f.engine.Snapshot().Models[0].Reason != "" })
	if got := f.Get("/readyz"); got.Status != 200 || !strings.Contains(got.Body, `"state":"loading","reason"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
