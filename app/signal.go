package app

import (
	"context"
	"time"
)

// cleanUp is how long a command may take to end, and to remove what is incomplete, after a signal.
const cleanUp = 5 * time.Second

// untilSignal runs a command's work, which ends soon after ctx ends. Where it does not, because a
// disk or a network file system keeps a read waiting, untilSignal returns the end's cause without
// it: the process ends next.
func untilSignal(ctx context.Context, work func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- work() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(cleanUp)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return context.Cause(ctx)
	}
}
