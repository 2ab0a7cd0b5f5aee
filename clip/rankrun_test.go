package clip

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/memory"
)

// Requests to rank and requests for embeddings that wait are one run, and have the results they
// have alone. One that is canceled leaves.
func TestWaitingRankingsAndEmbeddingsAreOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 4)
		picture := map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))}
		items := []any{"a cat", picture, "a rocket that takes off", "a cup"}
		bodies := []string{
			fmt.Sprintf(`{"query":"a cat","items":%s}`, marshal(t, items)),
			fmt.Sprintf(`{"query":%s,"items":%s,"top_n":2}`, marshal(t, picture), marshal(t, items)),
			fmt.Sprintf(`{"query":"a dog","items":%s}`, marshal(t, items)), // is canceled
		}
		canceled, cancel := context.WithCancel(t.Context())
		rankings := make([]*dialect.Ranking, len(bodies))
		var wait sync.WaitGroup
		for i, body := range bodies {
			wait.Go(func() {
				ctx := t.Context()
				if i == 2 {
					ctx = canceled
				}
				var err error
				if rankings[i], err = h.rank(ctx, t, body); (err != nil) != (i == 2) || i == 2 && apierr.From(err).Code != apierr.CodeCanceled {
					t.Errorf("request %d: %v", i, err)
				}
			})
			synctest.Wait()
		}
		var embedded *dialect.EmbeddingResponse
		wait.Go(func() {
			var err error
			if embedded, err = h.embed(t, "a boat", ""); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != 1 {
			t.Errorf("there were %d runs", n)
		}
		for i, body := range bodies[:2] {
			alone, err := h.rank(t.Context(), t, body)
			if err != nil {
				t.Fatal(err)
			}
			for j, r := range alone.Results {
				if got := rankings[i].Results[j]; got.Index != r.Index || !near([]float32{got.Score}, []float32{r.Score}) {
					t.Errorf("request %d, result %d: %+v, alone %+v", i, j, got, r)
				}
			}
			if rankings[i].Usage != alone.Usage {
				t.Errorf("request %d: %+v, alone %+v", i, rankings[i].Usage, alone.Usage)
			}
		}
		if len(embedded.Data) != 1 {
			t.Errorf("got %+v", embedded)
		}
		h.close(t)
	})
}

// A long request takes the permit for each part: one that comes later runs between two of them.
func TestALongRankingLetsOthersRunBetweenItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 1)
		var wait sync.WaitGroup
		var mu sync.Mutex
		var order []string
		done := func(name string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
		}
		wait.Go(func() {
			if _, err := h.rank(t.Context(), t, `{"query":"a cat","items":["`+many(999)+`"]}`); err != nil {
				t.Error(err)
			}
			done("long")
		})
		synctest.Wait()
		wait.Go(func() {
			if _, err := h.rank(t.Context(), t, `{"query":"a cat","items":["a dog"]}`); err != nil {
				t.Error(err)
			}
			done("short")
		})
		synctest.Wait()
		h.openGate()
		wait.Wait()
		if n := h.n.Load(); n != 5 || !slices.Equal(order, []string{"short", "long"}) {
			t.Errorf("%d runs, order %v", n, order)
		}
		h.close(t)
	})
}

// A text that has been embedded is in the cache, for rankings and embeddings, and is not embedded
// again.
func TestTextsOfARankingAreEmbeddedOnce(t *testing.T) {
	l := load(t, tiny(t))
	labels := l.model.labels
	size := labels.cache.EstimatedSize()
	body := `{"query":"a cat","items":["a dog","a boat","a dog"]}`
	first, err := l.rank(t.Context(), t, body)
	if err != nil {
		t.Fatal(err)
	}
	if n := labels.cache.EstimatedSize() - size; n != 3 {
		t.Errorf("%d texts are in the cache", n)
	}
	kept, ok := labels.cache.GetIfPresent(textKey("a cat"))
	if !ok {
		t.Fatal("the query is not in the cache")
	}
	// With the towers closed only the cache has vectors.
	text := labels.towers.text
	labels.towers.text = nil
	defer func() { labels.towers.text = text }()
	again, err := l.rank(t.Context(), t, body)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Results, again.Results) || first.Usage != again.Usage {
		t.Errorf("got %+v, then %+v", first, again)
	}
	response, err := l.embed(t, []string{"a cat", "a dog"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(response.Data[0].Embedding.Values, kept.values) {
		t.Error("the embedding of a text in the cache is another one")
	}
}

// Equal pictures are embedded once: 100 of them are one part.
func TestEqualPicturesOfARankingAreEmbeddedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 1)
		h.openGate()
		picture := map[string]string{"image": base64.StdEncoding.EncodeToString(photo(t, "cat_chelsea.jpg"))}
		items := slices.Repeat([]any{picture}, 100)
		got, err := h.rank(t.Context(), t, fmt.Sprintf(`{"query":%s,"items":%s}`, marshal(t, picture), marshal(t, items)))
		if err != nil {
			t.Fatal(err)
		}
		if n := h.n.Load(); n != 1 || len(got.Results) != 100 || got.Results[99].Index != 99 || got.Results[0].Score != got.Results[99].Score {
			t.Errorf("%d runs, %+v", n, got.Results)
		}
		h.close(t)
	})
}

// No score is beyond 1, as rounded as the numbers of a vector may be.
func TestAScoreIsACosine(t *testing.T) {
	got := ranked([]float32{1.0001}, [][]float32{{1.0001}, {-1.0001}, {0.5}}, []int{1, 2, 0})
	want := []dialect.Ranked{{Index: 2, Score: 1}, {Index: 1, Score: 0.50005}, {Index: 0, Score: -1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Texts are embedded for the request where the budget has no memory to keep them; those that are
// kept hold memory until they are deleted.
func TestTextsAreKeptWithinTheBudget(t *testing.T) {
	l := load(t, tiny(t))
	const body = `{"query":"a cat","items":["a dog","a boat"]}`
	none := memory.New(0)
	got, err := l.model.labels.texts(memory.With(t.Context(), none.Account("a")), []text{{"a cat", []int64{1, 2}}, {"a cat", []int64{1, 2}}})
	if err != nil || got.count() != 2 || l.model.labels.cache.EstimatedSize() != 0 {
		t.Errorf("%d vectors, %v", got.count(), err)
	}
	budget := memory.New(1 << 20)
	if r, err := l.rank(memory.With(t.Context(), budget.Account("a")), t, body); err != nil || len(r.Results) != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
	if budget.Snapshot().Kinds[memory.Cache] == 0 {
		t.Error("what is kept is not reserved")
	}
	l.model.labels.cache.InvalidateAll()
	if held := budget.Snapshot().Used; held != 0 {
		t.Errorf("%d bytes are held for what was deleted", held)
	}
}

// A text that is refused is refused before any other one is embedded, in whatever part it is.
func TestNothingIsEmbeddedOfARankingWithARefusedText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hold(t, 1)
		h.openGate()
		items := make([]any, 0, 2*maxPartTexts)
		for i := range 2 * maxPartTexts {
			items = append(items, fmt.Sprintf("text %d", i))
		}
		items = append(items, " ")
		_, err := h.rank(t.Context(), t, fmt.Sprintf(`{"query":"a cat","items":%s}`, marshal(t, items)))
		if e := apierr.From(err); e.Reason != ReasonBadText || e.Param != fmt.Sprintf("items[%d]", 2*maxPartTexts) {
			t.Errorf("the error is %+v", e)
		}
		if n := h.n.Load(); n != 0 {
			t.Errorf("%d runs", n)
		}
		h.close(t)
	})
}
