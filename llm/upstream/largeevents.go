package upstream

import (
	"errors"
	"io"

	"penstock/apierr"
	"penstock/failover"
	"penstock/memory"
	"penstock/sse"
)

// eventBeside is what an event may take beside its part of what is gathered.
const eventBeside = 64 << 10

// maxEvent is how large an event may be. What is gathered holds no event that is larger than the
// whole of it.
func (r *relay) maxEvent() int {
	most := r.model.config.MaxEvent
	if r.limit > 0 {
		most = int(min(int64(most), r.limit+eventBeside))
	}
	return most
}

// events returns the reader of the events in a response's body. large is memory for those that are
// large: it is reserved before they are read.
func (r *relay) events(o *response, body io.Reader, large *memory.Reservation) *sse.Reader {
	events := sse.NewReader(body, max(r.maxEvent(), o.longest))
	events.Reserve(func(change int) error {
		if change < 0 {
			large.Shrink(int64(-change))
			return nil
		}
		o.watchdog.Pause()
		defer o.watchdog.Resume()
		return large.Grow(o.ctx, int64(change))
	})
	return events
}

// tooLong is the failure of a response with an event that is too long: of all its kind, so that the
// same server is not used again.
func (r *relay) tooLong(err error) *failover.Failure {
	if r.maxEvent() < r.model.config.MaxEvent {
		return failover.TooLarge(r.limit)
	}
	f := failover.Malformed("%w: more than %d bytes", err, r.maxEvent())
	f.Action = failover.TryNext
	return f
}

// isExhausted reports whether there was no memory of our own.
func isExhausted(err error) bool {
	e, ok := errors.AsType[*apierr.Error](err)
	return ok && e.Code == apierr.CodeMemoryExhausted
}

// noMemory is the failure of a response for which there is no memory: another one would not fit
// either, and no server is at fault.
func noMemory(err error) *failover.Failure {
	return &failover.Failure{Outcome: failover.OutcomeCanceled, Action: failover.GiveUp, Err: apierr.From(err)}
}

// growWaiting reserves memory for a body that is kept, while the clock of the server stands still.
func (o *response) growWaiting(bytes int64) error {
	o.watchdog.Pause()
	defer o.watchdog.Resume()
	return o.held.Grow(o.ctx, bytes)
}

// writeWaiting is Write while the clock of the server stands still.
func (c *counter) writeWaiting(p []byte, clock *failover.Watchdog) error {
	clock.Pause()
	defer clock.Resume()
	_, err := c.Write(p)
	return err
}
