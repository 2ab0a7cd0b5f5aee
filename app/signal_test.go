package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// A command's work may be stuck in the kernel, where no context ends it.
func TestACommandEndsAlthoughItsWorkIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signaled := errors.New("signaled")
		ctx, cancel := context.WithCancelCause(t.Context())
		stuck := make(chan struct{})
		defer close(stuck)
		go cancel(signaled)
		if err := untilSignal(ctx, func() error { <-stuck; return nil }); !errors.Is(err, signaled) {
			t.Errorf("stuck: got %v", err)
		}
		cleaned := errors.New("cleaned up")
		if err := untilSignal(ctx, func() error { <-ctx.Done(); return cleaned }); !errors.Is(err, cleaned) {
			t.Errorf("it did not wait for the work: %v", err)
		}
		if err := untilSignal(t.Context(), func() error { return cleaned }); !errors.Is(err, cleaned) {
			t.Errorf("without a signal: %v", err)
		}
	})
}
