package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"penstock/engine"
	"penstock/gateway"
)

// pictureServer serves a picture to those who ask, but not before so many of them are there.
func pictureServer(t *testing.T, atOnce int) (url string) {
	t.Helper()
	picture := photo(t, "cat_chelsea.jpg")
	var there atomic.Int64
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if there.Add(1) == int64(atOnce) {
			close(all)
		}
		select {
		case <-all:
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(picture)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// askForPictures launches requests for a picture each.
func (c client) askForPictures(n int, pictures string) (all []flight) {
	for i := range n {
		all = append(all, c.PostAsync("/v1/models/clip:predict", fmt.Sprintf(`{"url":"%s/%d.jpg"}`, pictures, i)))
	}
	return all
}

// succeed waits for all answers, which must be good.
func (c client) succeed(all []flight) {
	c.Helper()
	for i, f := range all {
		if a := <-f.landed; a.Status != http.StatusOK {
			c.Errorf("request %d: %d %s", i, a.Status, a.Body)
		}
	}
}

// Fetching is not bounded by the gate: the server gives nobody a picture before all ten are asked for.
func TestTenPicturesAreFetchedAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 5}"+bothModels)
	c.succeed(c.askForPictures(10, pictureServer(t, 10)))
	if n := c.Metric(`penstock_phase_duration_seconds_count{model="clip",phase="postprocess"}`); n != 10 {
		t.Errorf("%v were predicted", n)
	}
}

// gateWatch is an Observer beside the metrics that stands in the way of predicts: each tells that it has its permit, and
// then waits, holding it, to be let go on.
type gateWatch struct {
	*gateway.Metrics
	preprocessed chan struct{} // one for each request that has been
	permitted    chan struct{} // one for each predict that has its permit
	goOn         chan struct{}

	mu            sync.Mutex
	holding, most int
}

// count adds to those who hold a permit.
func (w *gateWatch) count(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding += n
	w.most = max(w.most, w.holding)
}

func (w *gateWatch) Gate(name string) engine.GateObserver {
	return &watchedGate{w.Metrics.Gate(name), w}
}

func (w *gateWatch) Model(name string) engine.ModelObserver {
	return &watchedModel{w.Metrics.Model(name), w}
}

type watchedGate struct {
	engine.GateObserver
	watch *gateWatch
}

// Waited is called by who has just got a permit.
func (g *watchedGate) Waited(d time.Duration) {
	g.GateObserver.Waited(d)
	g.watch.count(+1)
	g.watch.permitted <- struct{}{}
	<-g.watch.goOn
}

type watchedModel struct {
	engine.ModelObserver
	watch *gateWatch
}

func (m *watchedModel) PhaseDone(p engine.Phase, d time.Duration) {
	m.ModelObserver.PhaseDone(p, d)
	switch p {
	case engine.PhasePreprocess:
		m.watch.preprocessed <- struct{}{}
	case engine.PhasePredict:
		m.watch.count(-1)
	case engine.PhasePostprocess:
	}
}

// The real CLIP: all ten pictures are fetched and made ready, five predicts hold the five permits, and the other five
// requests wait for theirs and for nothing else.
func TestTheSixthWaitsOnlyAtPredict(t *testing.T) {
	const requests, permits = 10, 5
	watch := &gateWatch{preprocessed: make(chan struct{}, requests), permitted: make(chan struct{}, requests), goOn: make(chan struct{})}
	h, e := within(t, permits, 100, func(m *gateway.Metrics) engine.Observer { watch.Metrics = m; return watch }, addCLIP(t))
	asked := c.askForPictures(requests, pictureServer(t, requests))
	for range requests {
		<-watch.preprocessed
	}
	for range permits {
		<-watch.permitted
	}
	c.WaitMetric(server.QueueDepth, requests-permits)
	if gate := e.Snapshot().Gates[0]; gate.InUse != permits || len(watch.permitted) > 0 {
		t.Errorf("%+v, and %d more have a permit", gate, len(watch.permitted))
	}

	// Each that goes on lets one more in.
	for left := requests; left > 0; left-- {
		watch.goOn <- struct{}{}
		if left > permits {
			<-watch.permitted
		}
	}
	c.succeed(asked)
	watch.mu.Lock()
	defer watch.mu.Unlock()
	if watch.most != permits {
		t.Errorf("%d predicts held permits at once", watch.most)
	}
}

// With one permit only, one request after the other comes to its postprocessing and stays there: were the permit held so
// long, the second could not.
func TestASlowPostprocessHoldsNoPermit(t *testing.T) {
	there, goOn := make(chan struct{}), make(chan struct{})
	h, e := within(t, 1, 10, unwatched, func(e *engine.Engine) {
		engine.Predicts(e.Add("slow", engine.Lifecycle{Kind: "test"}), "predict", engine.Predictor[int, int, int, int]{
			Preprocess: func(_ context.Context, n int) (int, error) { return n, nil },
			Predict:    func(_ context.Context, n int) (int, error) { return n, nil },
			Postprocess: func(_ context.Context, n int) (int, error) {
				there <- struct{}{}
				<-goOn
				return n, nil
			},
		})
	})
	var asked []flight
	for range 3 {
		asked = append(asked, c.PostAsync("/v1/models/slow:predict", "1"))
		<-there
		if gate := e.Snapshot().Gates[0]; gate.InUse != 0 {
			t.Errorf("a permit is held: %+v", gate)
		}
	}
	close(goOn)
	c.succeed(asked)
}
