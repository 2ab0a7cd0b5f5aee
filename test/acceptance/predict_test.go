package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"penstock/engine"
	"penstock/test/server"
	"penstock/test/testmodel"
)

// pictureServer serves a picture, but not before it has received so many requests for it.
func pictureServer(t *testing.T, atOnce int) (url string) {
	t.Helper()
	picture := photo(t, "cat_chelsea.jpg")
	var received atomic.Int64
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if received.Add(1) == int64(atOnce) {
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

// predictPictures sends requests for a picture each.
func (c client) predictPictures(n int, pictures string) (all []server.Pending) {
	for i := range n {
		all = append(all, c.PostAsync("/v1/models/clip:predict", fmt.Sprintf(`{"url":"%s/%d.jpg"}`, pictures, i)))
	}
	return all
}

// The gate does not bound fetching: the picture server sends no picture before it has received all
// ten requests.
func TestTenPicturesAreFetchedAtOnce(t *testing.T) {
	c, _ := start(t, "runtime: {predict_concurrency: 5}"+bothModels)
	c.checkAllSucceed(c.predictPictures(10, pictureServer(t, 10)))
	if n := c.Metric(`penstock_phase_duration_seconds_count{model="clip",phase="postprocess"}`); n != 10 {
		t.Errorf("%v pictures were predicted", n)
	}
}

// With the real CLIP, all ten pictures are fetched and preprocessed, five predicts hold the five
// permits, and the other five requests wait for a permit and for nothing else.
func TestTheSixthPredictWaitsForAPermitOnly(t *testing.T) {
	const requests, permits = 10, 5
	barrier := testmodel.NewPredictBarrier(requests)
	c, s := startInProcess(t, testmodel.Options{Permits: permits, Queue: 100, Observe: barrier.Observe, Add: addCLIP(t)})
	pending := c.predictPictures(requests, pictureServer(t, requests))
	for range requests {
		<-barrier.Preprocessed
	}
	for range permits {
		<-barrier.Permitted
	}
	c.WaitMetric(server.QueueDepth, requests-permits)
	if gate := s.Gate(); gate.InUse != permits || len(barrier.Permitted) > 0 {
		t.Errorf("%+v, and %d more have a permit", gate, len(barrier.Permitted))
	}

	// Each predict that continues lets the next one get its permit.
	for left := requests; left > 0; left-- {
		barrier.Continue <- struct{}{}
		if left > permits {
			<-barrier.Permitted
		}
	}
	c.checkAllSucceed(pending)
	if most := barrier.Most(); most != permits {
		t.Errorf("%d predicts held permits at once", most)
	}
}

// With one permit only, one request after the other reaches its postprocessing and stays there: if
// a request held its permit that long, the second one could not.
func TestASlowPostprocessHoldsNoPermit(t *testing.T) {
	reached, proceed := make(chan struct{}), make(chan struct{})
	c, s := startInProcess(t, testmodel.Options{Permits: 1, Queue: 10, Add: func(e *engine.Engine) error {
		testmodel.AddPredictor(e, "slow", func() {
			reached <- struct{}{}
			<-proceed
		})
		return nil
	}})
	var pending []server.Pending
	for range 3 {
		pending = append(pending, c.PostAsync("/v1/models/slow:predict", "1"))
		<-reached
		if gate := s.Gate(); gate.InUse != 0 {
			t.Errorf("a permit is held: %+v", gate)
		}
	}
	close(proceed)
	c.checkAllSucceed(pending)
}
