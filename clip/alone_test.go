package clip

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// A graph that quantises activations by scales of a whole call gives each picture and each text the
// result that it has alone, whatever is beside it in its request.
func TestCompanyInARequestChangesNothing(t *testing.T) {
	l := load(t, graphsOf(t, "two-quantized", `{"logit_scale": 17}`))
	pictures := photos(t)
	all, err := do(t.Context(), l.predict, Request{Pictures: pictures})
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"a rocket", "a photo of a cat that is asleep on a chair", "?", "coffee"}
	together, err := do(t.Context(), l.predict, Request{Pictures: pictures[:1], Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pictures {
		alone, err := do(t.Context(), l.predict, Request{Pictures: []Picture{p}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone.Logits[0], all.Logits[i]) {
			t.Errorf("picture %d: logits are %v alone and %v with others", i, alone.Logits[0], all.Logits[i])
		}
	}
	for i, label := range labels {
		alone, err := do(t.Context(), l.predict, Request{Pictures: pictures[:1], Labels: []string{label}})
		if err != nil {
			t.Fatal(err)
		}
		if alone.Logits[0][0] != together.Logits[0][i] {
			t.Errorf("%q: the logit is %v alone and %v with others", label, alone.Logits[0][0], together.Logits[0][i])
		}
	}
	vectors := embedTexts(t, l, labels...)
	for i, label := range labels {
		l.model.labels.cache.InvalidateAll()
		if alone := embedTexts(t, l, label); !slices.Equal(alone[0], vectors[i]) {
			t.Errorf("%q: its vector is %v alone and %v with others", label, alone[0], vectors[i])
		}
	}
}

func embedTexts(t *testing.T, l loaded, texts ...string) (all [][]float32) {
	t.Helper()
	response, err := l.embed(t, texts, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range response.Data {
		all = append(all, d.Embedding.Values)
	}
	return all
}

// Requests for such a model that wait at the gate have a run each, and get the results that they
// have alone.
func TestRequestsOfAQuantisedModelAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := graphsOf(t, "two-quantized", `{"logit_scale": 17}`)
		o.Batch = 8
		var log bytes.Buffer
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		h := holdModel(t, o)
		if !strings.Contains(log.String(), "requests are not joined") {
			t.Errorf("the log is %q", log.String())
		}
		pictures := photos(t)
		results := make([]Result, len(pictures))
		var wait sync.WaitGroup
		for i, p := range pictures {
			wait.Go(func() {
				var err error
				if results[i], err = do(t.Context(), h.predict, Request{Pictures: []Picture{p}}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != int64(len(pictures)) {
			t.Errorf("%d requests had %d runs", len(pictures), n)
		}
		for i, p := range pictures {
			alone, err := do(t.Context(), h.predict, Request{Pictures: []Picture{p}})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(alone.Logits[0], results[i].Logits[0]) {
				t.Errorf("picture %d: logits are %v alone and were %v among others", i, alone.Logits[0], results[i].Logits[0])
			}
		}
		h.close(t)
	})
}

func photos(t *testing.T) (all []Picture) {
	t.Helper()
	for _, name := range []string{"cat_chelsea.jpg", "coffee.jpg", "rocket.jpg", "photographer_grey.jpg"} {
		all = append(all, Picture{Data: photo(t, name)})
	}
	return all
}
