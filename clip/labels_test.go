package clip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"penstock/apierr"
	"penstock/memory"
)

// A set of labels is embedded once, however many calls need it at one time, and again only when it
// is new.
func TestLabelsAreEmbeddedOnce(t *testing.T) {
	l := load(t, tiny(t))
	store := l.model.labels
	labels := make([]string, 200) // more than one call of the tower embeds
	for i := range labels {
		labels[i] = fmt.Sprintf("thing number %d", i)
	}
	var wait sync.WaitGroup
	first := make([]vectors, 8)
	for i := range first {
		wait.Go(func() {
			v, err := store.vectors(t.Context(), labels, "a photo of {}")
			if err != nil {
				t.Error(err)
			}
			first[i] = v
		})
	}
	wait.Wait()
	for i, v := range first {
		if v.count() != len(labels) || &v.values[0] != &first[0].values[0] {
			t.Fatalf("caller %d got %d vectors of its own", i, v.count())
		}
	}
	other, err := store.vectors(t.Context(), labels, "a drawing of {}")
	if err != nil {
		t.Fatal(err)
	}
	if other.values[0] == first[0].values[0] {
		t.Error("another template has the same embeddings")
	}
	// One by one they are the same: neither batches nor padding change an embedding.
	for _, i := range []int{0, 63, 64, 199} {
		one, err := store.vectors(t.Context(), labels[i:i+1], "a photo of {}")
		if err != nil {
			t.Fatal(err)
		}
		if !near(one.at(0), first[0].at(i)) {
			t.Errorf("label %d alone is different", i)
		}
	}
	byDefault, err := store.vectors(t.Context(), l.model.options.Labels, placeholder)
	if err != nil || &byDefault.values[0] != &store.defaults.values[0] {
		t.Errorf("the default labels were embedded again: %v", err)
	}
}

// Labels are tokenised until the context ends, and no longer.
func TestCanceledRequestsTokeniseNothing(t *testing.T) {
	store := load(t, tiny(t)).model.labels
	labels := make([]string, maxLabels)
	for i := range labels {
		labels[i] = fmt.Sprintf("thing number %d", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	allocations := testing.AllocsPerRun(1, func() {
		if _, err := store.embed(ctx, labels, placeholder); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	if allocations >= maxLabels {
		t.Errorf("%g allocations: the labels were tokenised", allocations)
	}
}

// A request that is canceled while its labels are embedded does not fail other requests for them.
func TestCancelingWhileLabelsAreEmbedded(t *testing.T) {
	l := load(t, tiny(t))
	cause := errors.New("the client disconnected")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	labels := []string{"one", "two"}
	if _, err := l.model.labels.vectors(ctx, labels, placeholder); err == nil {
		t.Error("it ran after the context ended")
	}
	if _, err := l.model.labels.vectors(t.Context(), labels, placeholder); err != nil {
		t.Error(err)
	}
	_, err := do(ctx, l.predict, Request{Pictures: []Picture{{Data: photo(t, "cat_chelsea.jpg")}}})
	var e *apierr.Error
	if !errors.As(err, &e) || e.Code != apierr.CodeCanceled || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

// Labels are embedded for the request where the budget has no memory to keep them.
func TestLabelsAreKeptWithinTheBudget(t *testing.T) {
	l := load(t, tiny(t))
	labels := []string{"a dog", "a cup"}
	none := memory.New(0)
	if v, err := l.model.labels.vectors(memory.With(t.Context(), none.Account("a")), labels, placeholder); err != nil || v.count() != 2 {
		t.Errorf("%d vectors, %v", v.count(), err)
	}
	if n := l.model.labels.cache.EstimatedSize(); n != 0 {
		t.Errorf("%d sets are kept", n)
	}
	budget := memory.New(1 << 20)
	if _, err := l.model.labels.vectors(memory.With(t.Context(), budget.Account("a")), labels, placeholder); err != nil {
		t.Error(err)
	}
	if budget.Snapshot().Kinds[memory.Cache] == 0 {
		t.Error("what is kept is not reserved")
	}
	l.model.labels.cache.InvalidateAll()
	if held := budget.Snapshot().Used; held != 0 {
		t.Errorf("%d bytes are held for what was deleted", held)
	}
}
