package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"penstock/engine"
	"penstock/gateway"
	"penstock/llm/upstream"
	"penstock/llm/upstream/upstreamtest"
	"penstock/test/memnet"
)

// The cases that Truss's own tests hold, as clients of Truss see them; docs/truss.md lists them.

const trussPredict = "http://localhost/v1/models/model:predict"

// every adds a generator that emits "0", "1", … up to n, each after a pause, and fails in the place
// of the number fail.
func every(pause time.Duration, n, fail int, emitted *atomic.Int32) func(*engine.Engine) {
	return func(e *engine.Engine) {
		engine.Generates(e.Add("numbers", engine.Lifecycle{Kind: "test"}), "stream", engine.Generator[struct{}, struct{}, counted]{
			Preprocess: same[struct{}],
			Generate: func(ctx context.Context, _ struct{}, emit func(...counted) error) (engine.End, error) {
				for i := range n {
					select {
					case <-time.After(pause):
					case <-ctx.Done():
						return engine.End{}, context.Cause(ctx)
					}
					if i == fail {
						return engine.End{}, errors.New("the model failed on purpose")
					}
					if err := emit(counted{Text: strconv.Itoa(i)}); err != nil {
						return engine.End{}, err
					}
					emitted.Add(1)
				}
				return engine.Stopped(engine.Usage{}), nil
			},
		})
	}
}

const never = -1

// While a model loads, which may take long, a probe of the process succeeds, and probes of the
// model and requests get 503; once it is ready they succeed, and go on doing so while it is busy.
func TestAModelIsReadyOnceItHasBeenLoadedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted atomic.Int32
		e := engine.New(engine.Options{Gate: engine.GateConfig{Permits: 1}, Accept: gateway.AcceptVerb})
		e.SetDefault(e.Add("slow", engine.Lifecycle{Kind: "test", Load: func(context.Context) error {
			time.Sleep(30 * time.Second) // virtual
			return nil
		}}))
		engine.Predicts(e.Models()[0], "predict", engine.Predictor[struct{}, struct{}, int32, int32]{
			Preprocess: same[struct{}],
			Predict: func(context.Context, struct{}) (int32, error) {
				time.Sleep(15 * time.Second)
				return emitted.Add(1), nil
			},
			Postprocess: same[int32],
		})
		s := &server{Engine: e, Gateway: gateway.New(gateway.Options{
			Engine: e, Log: slog.New(slog.DiscardHandler), Compat: gateway.Compat{Truss: true, SageMaker: true},
		})}
		loaded := s.Load(t.Context())
		probe := func(want int) {
			t.Helper()
			for _, path := range []string{"/v1/models/model", "/v1/models/model/loaded", "/v1/models/slow", "/ping"} {
				w := s.record(request("GET", path, ""))
				if w.Code != want || want == 503 && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `{"error":{"code":"model_loading"`)) {
					t.Errorf("after %v, %s: %d %v %s", time.Now(), path, w.Code, w.Header(), w.Body)
				}
			}
			if w := s.record(request("GET", "/healthz", "")); w.Code != 200 {
				t.Errorf("the process: %d", w.Code)
			}
		}
		for range 29 {
			time.Sleep(time.Second)
			probe(503)
			for _, path := range []string{"/invocations", "/v1/models/model:predict"} {
				if w := s.record(request("POST", path, "{}")); w.Code != 503 {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
			}
		}
		<-loaded
		result := make(chan string)
		go func() { result <- s.record(request("POST", "/v1/models/model:predict", "{}")).Body.String() }()
		for range 14 {
			time.Sleep(time.Second)
			probe(200)
		}
		if got := <-result; got != "1" {
			t.Errorf("the result is %s", got)
		}
		if w := s.record(request("POST", "/invocations", "{}")); w.Code != 200 || w.Body.String() != "2" {
			t.Errorf("invoked: %d %s", w.Code, w.Body)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A model that could not be loaded stays unready, and the process goes on.
func TestAModelThatFailedToLoadIsNotReady(t *testing.T) {
	s := newServer(t, 1, 1, withDefault(func(e *engine.Engine) {
		e.Add("broken", engine.Lifecycle{Kind: "test", Load: func(context.Context) error { return errors.New("no such file") }})
	}, words(nil)), compat)
	for _, path := range []string{"/v1/models/model", "/v1/models/broken", "/v1/models/broken/loaded", "/ping"} {
		if w := s.record(request("GET", path, "")); w.Code != 503 || !strings.Contains(w.Body.String(), "model_failed") || strings.Contains(w.Body.String(), "no such file") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := s.record(request("GET", "/v1/models/words", "")); w.Code != 200 {
		t.Errorf("another model: %d", w.Code)
	}
	if log := s.log.String(); strings.Contains(log, "msg=request") {
		t.Errorf("probes are logged, which come every few seconds: %s", log)
	}
}

// With two permits a third request is served once one of two has ended, whether their clients read
// or not.
func TestAThirdRequestWaitsForOneOfTwoPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted atomic.Int32
		s := newServer(t, 2, 10, withDefault(every(100*time.Millisecond, 5, never, &emitted)), compat)
		client := s.inMemory(t)
		began := time.Now()
		for range 2 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, trussPredict, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(r) // and nothing of it is read
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			began = time.Now()
		}
		third := listen(t, client, "POST", trussPredict, "{}")
		synctest.Wait()
		if g := s.Snapshot().Gates[0]; g.InUse != 2 || g.Waiting != 1 {
			t.Errorf("at the gate: %+v", g)
		}
		if got := third.whole(t); got != "01234" {
			t.Errorf("the third has %q", got)
		}
		if took := time.Since(began); took < 500*time.Millisecond {
			t.Errorf("it did not wait: %v", took)
		}
		if got := listen(t, client, "POST", trussPredict, "{}").whole(t); got != "01234" {
			t.Errorf("the fourth has %q", got)
		}
	})
}

// A text comes chunk by chunk or, for a client that accepts JSON, gathered as one string.
func TestAStreamIsGatheredForAClientThatAcceptsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted atomic.Int32
		s := newServer(t, 1, 10, withDefault(every(time.Second, 5, never, &emitted)), compat)
		client := s.inMemory(t)
		for accept, want := range map[string]string{"*/*": "01234", "application/json": `"01234"`} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, trussPredict, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept", accept)
			began := time.Now()
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			head := time.Since(began)
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			chunked := len(response.TransferEncoding) == 1 && response.TransferEncoding[0] == "chunked"
			if err != nil || string(text) != want || chunked != (accept == "*/*") {
				t.Errorf("%s: %q %v %v", accept, text, response.TransferEncoding, err)
			}
			if streamed := head == time.Second; streamed != chunked || time.Since(began) != 5*time.Second {
				t.Errorf("%s: the head came after %v, the end after %v", accept, head, time.Since(began))
			}
		}
	})
}

// A server behind us that is silent for too long in the middle of a stream ends it, and what the
// client has does not look whole.
func TestASilentStreamIsBrokenOffAfterTheReadTimeout(t *testing.T) {
	left := make(chan struct{})
	theirs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upstreamtest.Tokens("m", 0, 1)(w, r)
		<-r.Context().Done()
		close(left)
	}))
	defer theirs.Close()
	s := newServer(t, 1, 1, withDefault(func(e *engine.Engine) {
		_, err := upstream.Add(e, upstream.Config{
			Name: "upstream", Servers: []upstream.Server{{Name: "first", BaseURL: theirs.URL + "/v1", Model: "m", Weight: 1}},
			Timeouts: upstream.Timeouts{Connect: time.Minute, FirstToken: time.Minute, BetweenTokens: 50 * time.Millisecond, Whole: time.Minute},
			Gate:     engine.GateConfig{Permits: 1, Queue: 1},
			Log:      slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
	}), compat)
	url, client := s.onTCP(t)
	l := listen(t, client, "POST", url+"/v1/models/model:predict", `{"prompt":"x"}`)
	<-l.over
	l.leave()
	if l.status != 200 || l.text != "w0 " || l.err == nil {
		t.Errorf("%d %q, then %v", l.status, l.text, l.err)
	}
	<-left // nothing is left behind
}

// An error in the middle of a stream breaks it off after what has come, and the next request is
// served.
func TestAnErrorInMidStreamBreaksTheTextOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted atomic.Int32
		s := newServer(t, 1, 10, withDefault(every(time.Second, 5, 3, &emitted)), compat)
		client := s.inMemory(t)
		for range 2 {
			l := listen(t, client, "POST", trussPredict, "{}")
			<-l.over
			l.leave()
			if l.status != 200 || l.text != "012" || l.err == nil {
				t.Errorf("%d %q, then %v", l.status, l.text, l.err)
			}
			gathered := listen(t, client, "POST", trussPredict, "{}", "Accept", "application/json")
			if got := gathered.whole(t); gathered.status != 500 || !strings.Contains(got, `{"error":{"code":"internal"`) || strings.Contains(got, "on purpose") {
				t.Errorf("gathered: %d %s", gathered.status, got)
			}
		}
	})
}

// A slow postprocess holds no permit: with one permit, two requests end a moment after each other.
func TestASlowPostprocessIsOutsideThePermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, 1, 10, withDefault(func(e *engine.Engine) {
			engine.Predicts(e.Add("slow", engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[string, string, string, string]{
				Preprocess: func(_ context.Context, in string) (string, error) { return in + " before", nil },
				Predict:    same[string],
				Postprocess: func(_ context.Context, out string) (string, error) {
					time.Sleep(2 * time.Second) // virtual
					return out + " after", nil
				},
			})
		}), compat)
		client := s.inMemory(t)
		began := time.Now()
		first := listen(t, client, "POST", trussPredict, `"a"`)
		time.Sleep(200 * time.Millisecond)
		second := listen(t, client, "POST", trussPredict, `"b"`)
		if a, b := first.whole(t), second.whole(t); a != `"a before after"` || b != `"b before after"` {
			t.Errorf("the results are %s and %s", a, b)
		}
		if took := time.Since(began); took != 2200*time.Millisecond {
			t.Errorf("they took %v", took)
		}
	})
}

// A client that leaves stops its generation at the next chunk, or leaves the queue.
func TestAClientThatLeavesStopsItsGeneration(t *testing.T) {
	for _, accept := range []string{"*/*", "application/json"} {
		t.Run(accept, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var emitted atomic.Int32
				s := newServer(t, 1, 10, withDefault(every(time.Second, 100, never, &emitted)), compat)
				client := s.inMemory(t)
				reads := listen(t, client, "POST", trussPredict, "{}", "Accept", accept)
				waits := listen(t, client, "POST", trussPredict, "{}", "Accept", accept)
				time.Sleep(2500 * time.Millisecond) // virtual
				if g := s.Snapshot().Gates[0]; g.InUse != 1 || g.Waiting != 1 {
					t.Errorf("at the gate: %+v", g)
				}
				waits.leave()
				synctest.Wait()
				if g := s.Snapshot().Gates[0]; g.Inside != 1 || g.Waiting != 0 {
					t.Errorf("after one has left the queue: %+v", g)
				}
				reads.leave()
				synctest.Wait()
				time.Sleep(time.Second)
				if g := s.Snapshot().Gates[0]; g.InUse != 0 || g.Inside != 0 || emitted.Load() > 3 {
					t.Errorf("after both have left: %+v, %d chunks", g, emitted.Load())
				}
				<-reads.over
				<-waits.over
			})
		})
	}
}

// A shutdown lets requests finish that have begun, and takes no new ones; readiness fails at once.
func TestAGracefulShutdownLetsRequestsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted atomic.Int32
		s := newServer(t, 2, 10, withDefault(every(time.Second, 5, never, &emitted)), compat)
		l := memnet.Listen()
		client := l.Client()
		stop, served := s.begin(t, l)
		streamed := listen(t, client, "POST", trussPredict, "{}")
		gathered := listen(t, client, "POST", trussPredict, "{}", "Accept", "application/json")
		time.Sleep(1500 * time.Millisecond)
		stop()
		synctest.Wait()
		for path, want := range map[string]int{"GET /v1/models/model": 503, "GET /ping": 503, "GET /v1/models/model/loaded": 200, "POST /v1/models/model:predict": 503, "POST /invocations": 503} {
			method, path, _ := strings.Cut(path, " ")
			if w := s.record(request(method, path, "{}")); w.Code != want || want == 503 && !strings.Contains(w.Body.String(), "draining") {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		if a, b := streamed.whole(t), gathered.whole(t); a != "01234" || b != `"01234"` {
			t.Errorf("the results are %q and %q", a, b)
		}
		client.CloseIdleConnections()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
