package clip

import (
	"context"
	"errors"
	"testing"

	"penstock/clip/internal/limit"
)

// wantAllReleased checks that nothing holds a limit of a model or waits for one.
func wantAllReleased(t *testing.T, m *Model) {
	t.Helper()
	for _, s := range m.limits() {
		if s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left: %+v", s)
		}
	}
}

// The limits are listed in the order of their ranks, each rank is there, and each limit is named.
func TestLimitsAreListedInOrder(t *testing.T) {
	names := map[string]bool{}
	last := limit.Rank(0)
	for _, s := range load(t, tiny(t)).model.limits() {
		if names[s.Name] || s.Name == "" || s.Capacity < 1 {
			t.Errorf("a limit is %+v", s)
		}
		if s.Rank != last && s.Rank != last+1 {
			t.Errorf("%s, of rank %d, comes after rank %d", s.Name, s.Rank, last)
		}
		names[s.Name], last = true, s.Rank
	}
	if last != limit.DecodeMemory {
		t.Errorf("the last rank is %d", last)
	}
}

// Pictures that wait take no more memory than the limit: the next request waits before it decodes.
func TestWaitingPicturesAreBounded(t *testing.T) {
	b := newImageBuffers(100, 500)
	acquire := func(ctx context.Context, pictures int) (*imageBuffer, error) {
		return b.acquire(ctx, new(limit.Holder), pictures, false)
	}
	two, err := acquire(t.Context(), 2)
	if err != nil || two.count() != 2 || len(two.picture(1)) != 100 {
		t.Fatalf("%+v, %v", two, err)
	}
	cause := errors.New("the client disconnected")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { _, err := acquire(ctx, 1); done <- err }()
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	go func() {
		many, err := acquire(t.Context(), 1000) // more than there is
		if err == nil && many.count() == 1000 {
			many.release()
		}
		done <- err
	}()
	ended, end := context.WithCancel(t.Context())
	two.releaseAfter(ended)
	end() // releases it, as it has not been claimed
	if err := <-done; err != nil {
		t.Error(err)
	}
	if two.claim() {
		t.Error("a buffer that was released can be claimed")
	}
	one, err := acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	ended, end = context.WithCancel(t.Context())
	one.releaseAfter(ended)
	if !one.claim() {
		t.Error("a buffer that was not released cannot be claimed")
	}
	end() // releases nothing, as it has been claimed
	if n := b.brought.Snapshot().InUse; n != 100 {
		t.Errorf("%d bytes are in use before the release", n)
	}
	one.release()
	if n := b.brought.Snapshot().InUse; n != 0 {
		t.Errorf("%d bytes are in use after the release", n)
	}
}
