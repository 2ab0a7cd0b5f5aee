package stream

import (
	"context"
	"time"
)

// boundedView is a view whose calls wait for the store no longer than patience.
type boundedView struct {
	View
	patience time.Duration
}

// Follow implements View. Patience bounds the call, and not the following.
func (v boundedView) Follow(ctx context.Context, after int64, news chan<- struct{}) (Cursor, error) {
	following, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(v.patience, func() { cancel(context.DeadlineExceeded) })
	c, err := v.View.Follow(following, after, news)
	if !timer.Stop() && err == nil {
		c.Close()
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return &boundedCursor{c, cancel}, nil
}

// Cancel implements View.
func (v boundedView) Cancel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.patience)
	defer cancel()
	return v.View.Cancel(ctx)
}

// boundedCursor is a cursor with the context of its following.
type boundedCursor struct {
	Cursor
	cancel context.CancelCauseFunc
}

// Close implements Cursor.
func (c *boundedCursor) Close() {
	c.Cursor.Close()
	c.cancel(nil)
}
